import fc from 'fast-check';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryObjectStore } from '@tidemark/object-store';
import { createRepository, openRepository } from '@tidemark/repository';
import { RepositorySnapshots, serveCsiMetadata } from '@tidemark/csi-metadata';
import { tempDir } from '../../../tools/qemu.ts';
import { CsiClient } from './support/client.ts';
import { BackedUp, GRANULE, newRepository } from './support/points.ts';

const dir = tempDir();
const SIZE = 40 * GRANULE + 512;
let served = 0;

async function serving(repository: Awaited<ReturnType<typeof newRepository>>) {
  const socket = join(dir, `${(served += 1)}.sock`);
  const server = await serveCsiMetadata({ source: new RepositorySnapshots(repository), socket });
  const client = new CsiClient(socket);
  const close = async () => {
    client.close();
    await server.close();
  };
  return { client, [Symbol.asyncDispose]: close };
}

/** Where two contents differ, granule by granule, from an offset on: the naive way. */
function naive(now: Buffer, before: Buffer, start: number): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let at = 0; at < now.length; at += GRANULE) {
    const end = Math.min(at + GRANULE, now.length);
    if (now.subarray(at, end).equals(before.subarray(at, end)) || end <= start) continue;
    const from = Math.max(at, start);
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === from) last[1] += end - from;
    else found.push([from, end - from]);
  }
  return found;
}

const write = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 5 * GRANULE }), fc.nat(2));
const histories = fc.array(fc.array(write, { maxLength: 4 }), { minLength: 2, maxLength: 4 });

describe('restore points as snapshots', () => {
  it('hold, and differ, as their contents do', async () => {
    const about = fc.record({ history: histories, start: fc.nat(SIZE), most: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(about, async ({ history, start, most }) => {
        const repository = await newRepository();
        const drive = new BackedUp(repository, SIZE);
        for (const writes of history) {
          for (const [offset, length, byte] of writes) await drive.fill(offset, length, byte);
          await drive.backUp();
        }
        await using service = await serving(repository);
        const place = { starting_offset: start, max_results: most };
        const [base, target] = [drive.points[0]!, drive.points.at(-1)!];
        const allocated = await service.client.ask('GetMetadataAllocated', {
          snapshot_id: target.id,
          ...place,
        });
        expect(allocated.ranges).toEqual(naive(target.content, Buffer.alloc(SIZE), start));
        const delta = await service.client.ask('GetMetadataDelta', {
          base_snapshot_id: base.id,
          target_snapshot_id: target.id,
          ...place,
        });
        expect(delta.ranges).toEqual(naive(target.content, base.content, start));
        for (const { messages, code } of [allocated, delta]) {
          expect(code).toBe(0);
          expect(messages.length).toBeGreaterThan(0);
          for (const message of messages) {
            expect(message.volume_capacity_bytes).toBe(SIZE);
            expect(message.block_metadata_type).toBe('VARIABLE_LENGTH');
            expect((message.block_metadata ?? []).length).toBeLessThanOrEqual(most || 1024);
          }
        }
      }),
      // Not made smaller: each run is a repository.
      { numRuns: 20, endOnFailure: true },
    );
  });

  it('are those that others add meanwhile, too', async () => {
    const store = new MemoryObjectStore();
    const drive = new BackedUp(await createRepository(store), SIZE);
    await using service = await serving(await openRepository(store));
    const base = await drive.backUp();
    const of = (id: string) => service.client.ask('GetMetadataAllocated', { snapshot_id: id });
    expect((await of(base)).ranges).toEqual([]);
    await drive.fill(GRANULE, 1, 7);
    const target = await drive.backUp();
    expect((await of(target)).ranges).toEqual([[GRANULE, GRANULE]]);
    await drive.fill(GRANULE, 1, 0);
    const zeroed = await drive.backUp();
    expect((await of(zeroed)).ranges).toEqual([]);
    const delta = { base_snapshot_id: target, target_snapshot_id: zeroed };
    expect((await service.client.ask('GetMetadataDelta', delta)).ranges).toEqual([
      [GRANULE, GRANULE],
    ]);
  });

  it('are found by whole ids, and compared in their order on one volume', async () => {
    const repository = await newRepository();
    const [drive, other] = [
      new BackedUp(repository, SIZE),
      new BackedUp(repository, SIZE, 'other'),
    ];
    const larger = new BackedUp(repository, SIZE + GRANULE);
    const [a, b, c] = [await drive.backUp(), await other.backUp(), await drive.backUp()];
    const d = await larger.backUp();
    await using service = await serving(repository);
    const delta = async (base: string, target: string) => {
      const request = { base_snapshot_id: base, target_snapshot_id: target };
      return (await service.client.ask('GetMetadataDelta', request)).code;
    };
    const allocated = async (id: string) =>
      (await service.client.ask('GetMetadataAllocated', { snapshot_id: id })).code;
    const [INVALID, NOT_FOUND, PRECONDITION] = [3, 5, 9];
    expect(await delta(a, c)).toBe(0);
    expect(await delta(a, a)).toBe(0);
    expect(await delta(c, a)).toBe(INVALID);
    expect(await delta(a, b)).toBe(INVALID);
    expect(await delta(a, d)).toBe(PRECONDITION);
    expect(await delta(a, 'f'.repeat(64))).toBe(NOT_FOUND);
    expect(await delta('latest', c)).toBe(NOT_FOUND);
    expect(await delta('', c)).toBe(INVALID);
    expect(await delta(a, '')).toBe(INVALID);
    expect(await allocated(a.slice(0, 12))).toBe(NOT_FOUND);
    expect(await allocated('')).toBe(INVALID);
  });
});
