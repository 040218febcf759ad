import type { SnapshotRange } from '@tidemark/csi-metadata';
import { beforeEach, expect, it } from 'vitest';
import { SharedSnapshots } from '../../src/csi-metadata/shared-snapshots.ts';

const RANGES = [0, 1, 2].map((offset) => ({ offset, length: 1 }));

let isClosed = false;
let shared: SharedSnapshots;

const ranges = {
  size: 3,
  async *from(offset: number): AsyncGenerator<SnapshotRange> {
    for (const range of RANGES.slice(offset)) {
      if (isClosed) throw new Error('read from what is closed');
      yield range;
    }
  },
};

beforeEach(() => {
  isClosed = false;
  shared = new SharedSnapshots({
    points: { allocated: async () => ranges, delta: async () => ranges },
    close: async () => void (isClosed = true),
  });
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const allocated = () => shared.use((points) => points.allocated('a'));

it('snapshots that are read are closed when that is over', async () => {
  const found: SnapshotRange[] = [];
  let closing: Promise<void> | undefined;
  for await (const range of (await allocated()).from(0)) {
    closing ??= shared.closeUnused();
    await turn();
    found.push(range);
  }
  await closing;
  expect(found).toEqual(RANGES);
  expect(isClosed).toBe(true);
});

it('snapshots that somebody is finding or has left are closed', async () => {
  const finding = allocated();
  const closing = shared.closeUnused();
  for await (const _ of (await finding).from(0)) break;
  await closing;
  expect(isClosed).toBe(true);
});

it('snapshots of which nobody reads what he asked for are closed', async () => {
  await allocated();
  await expect(shared.use(() => Promise.reject(new Error('none')))).rejects.toThrow('none');
  await shared.closeUnused();
  expect(isClosed).toBe(true);
});

it('snapshots are closed at once where that is asked for', async () => {
  const reader = (await allocated()).from(0)[Symbol.asyncIterator]();
  await reader.next();
  await shared.close();
  await expect(reader.next()).rejects.toThrow('closed');
});
