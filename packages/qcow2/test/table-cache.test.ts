import { describe, expect, it } from 'vitest';
import { TableCache } from '../src/mapping/table-cache.ts';

const TABLE_SIZE = 1024 * 1024;
const filled = (value: number) => new Uint8Array(TABLE_SIZE).fill(value);

/** Reads that end when the test says so. */
function slowReads() {
  const waiting: { offset: number; end: (value: number) => void }[] = [];
  const read = (offset: number) =>
    new Promise<Uint8Array<ArrayBuffer>>((resolve) => {
      waiting.push({ offset, end: (value) => resolve(filled(value)) });
    });
  return { waiting, cache: new TableCache({ tableSize: TABLE_SIZE, read }) };
}

describe('a cache of tables', () => {
  it('reads a table once for two that want it', async () => {
    const { waiting, cache } = slowReads();
    const loads = [cache.load(0), cache.load(0)];
    expect(waiting).toHaveLength(1);
    waiting[0]!.end(5);
    await Promise.all(loads);
    expect(cache.peek(0)?.bytes[0]).toBe(5);
  });

  it('keeps a table that was put in while its cluster was read', async () => {
    const { waiting, cache } = slowReads();
    const load = cache.load(0);
    cache.put(0, filled(2));
    waiting[0]!.end(1);
    await load;
    expect(cache.peek(0)?.bytes[0]).toBe(2);
  });

  it('does not take in what was read of a cluster before it became another table', async () => {
    const { waiting, cache } = slowReads();
    const load = cache.load(0);
    cache.drop(0);
    cache.put(0, filled(2));
    await cache.writeBack(async () => {});
    // Clean, and the oldest: four others drive it out.
    for (let i = 1; i <= 4; i++) cache.put(i * TABLE_SIZE, filled(0));
    expect(cache.peek(0)).toBeUndefined();
    waiting[0]!.end(1);
    await load;
    expect(cache.peek(0)).toBeUndefined();
  });

  it('reads again what was dropped while it was read', async () => {
    const { waiting, cache } = slowReads();
    const stale = cache.load(0);
    cache.drop(0);
    const load = cache.load(0);
    expect(waiting).toHaveLength(2);
    waiting[0]!.end(1);
    await stale;
    waiting[1]!.end(2);
    await load;
    expect(cache.peek(0)?.bytes[0]).toBe(2);
  });

  it('drives out the clean table that was used longest ago, never a dirty one', async () => {
    const { cache } = slowReads();
    for (let i = 0; i < 4; i++) cache.put(i * TABLE_SIZE, filled(i));
    await cache.writeBack(async () => {});
    const used = cache.peek(0)!;
    cache.markDirty(cache.peek(TABLE_SIZE)!, 0, 8);
    for (let i = 4; i < 6; i++) cache.put(i * TABLE_SIZE, filled(i));
    const there = [0, 1, 2, 3, 4, 5].filter((i) => cache.peek(i * TABLE_SIZE) !== undefined);
    expect(there).toEqual([0, 1, 4, 5]);
    expect(cache.peek(0)).toBe(used);
    expect(cache.mustWriteBack).toBe(true);
  });

  it('writes what changed and nothing else, in the order of the file', async () => {
    const { cache } = slowReads();
    const [first, second] = [cache.put(TABLE_SIZE, filled(1)), cache.put(0, filled(2))];
    await cache.writeBack(async () => {});
    cache.markDirty(first, 16, 24);
    cache.markDirty(first, 8, 16);
    cache.markDirty(second, 0, 8);
    const writes: number[][] = [];
    const failing = cache.writeBack(async (source, offset) => {
      writes.push([offset, source.length]);
      if (offset > 0) throw new Error('bad sector');
    });
    await expect(failing).rejects.toThrow('bad sector');
    expect(writes).toEqual([
      [0, 8],
      [TABLE_SIZE + 8, 16],
    ]);
    expect(cache.dirtyCount).toBe(1);
  });
});
