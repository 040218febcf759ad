import { ioBuffer } from '@tidemark/block';
import { CHUNK } from '../count/cluster-counter.ts';
import type { Walk } from '../count/walk.ts';
import { RefcountBlock } from './refcount-pieces.ts';
import type { RefcountTable } from './refcount-table.ts';

/** Counts of a chunk that nothing refers to. */
const NONE = new Uint8Array(CHUNK);
/** Counts of clusters that are referred to once. */
const ONCE = new Uint8Array(CHUNK).fill(1);

/** A cluster whose refcount is not what it should be. */
export type Mismatch = (cluster: number, refcount: number, references: number) => void;

/**
 * Calls `mismatch` for each cluster of the file whose refcount differs from how often it is
 * referred to, ascending. @returns the cluster behind the last one that is counted or referred to
 */
export async function compareRefcounts(
  walk: Walk,
  { blocks, perBlock }: RefcountTable,
  mismatch: Mismatch,
): Promise<number> {
  const { layout, source, references } = walk;
  const { counter, clusters } = references;
  const block = new RefcountBlock(ioBuffer(layout.clusterSize), layout.refcountBits);
  let end = 0;
  for (let index = 0; index * perBlock < clusters; index++) {
    const first = index * perBlock;
    const count = Math.min(perBlock, clusters - first);
    const place = blocks[index] ?? 0;
    if (place === 0 && counter.isEmpty(first, first + count)) continue;
    if (place === 0) block.bytes.fill(0);
    else await source.readInto(block.bytes, place);
    for (const { from, to, all } of block.pieces(count)) {
      const offset = (first + from) % CHUNK;
      const counts = (counter.chunkAt(first + from) ?? NONE).subarray(offset, offset + to - from);
      if (all === 0 && isAll(counts, NONE)) continue;
      if (all === 1 && isAll(counts, ONCE)) {
        end = first + to;
        continue;
      }
      for (let i = from; i < to; i++) {
        const refcount = block.read(i);
        const found = counts[i - from]!;
        if (refcount === 0 && found === 0) continue;
        end = first + i + 1;
        if (refcount !== found) mismatch(first + i, refcount, found);
      }
    }
  }
  return end;
}

/** Whether they are as those of `alike`; counts that do not fit a byte are not. */
function isAll(counts: Uint8Array | Float64Array, alike: Uint8Array): boolean {
  if (counts instanceof Float64Array) return false;
  return Buffer.compare(counts, alike.subarray(0, counts.length)) === 0;
}
