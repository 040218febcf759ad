import { ioBuffer } from '@tidemark/block';
import { CHUNK } from '../count/cluster-counter.ts';
import type { Walk } from '../count/walk.ts';
import { refcountReader } from './refcount-reader.ts';
import type { RefcountTable } from './refcount-table.ts';

/** Counts of a chunk that nothing refers to. */
const NONE = new Uint8Array(CHUNK);

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
  const buffer = ioBuffer(layout.clusterSize);
  const read = refcountReader(
    new DataView(buffer.buffer, buffer.byteOffset, buffer.length),
    layout.refcountBits,
  );
  let end = 0;
  for (let index = 0; index * perBlock < clusters; index++) {
    const first = index * perBlock;
    const count = Math.min(perBlock, clusters - first);
    const block = blocks[index] ?? 0;
    if (block === 0 && counter.isEmpty(first, first + count)) continue;
    if (block === 0) buffer.fill(0);
    else await source.readInto(buffer, block);
    for (let i = 0; i < count;) {
      // In steps of a chunk of the counter, so that it is looked up once for each.
      const offset = (first + i) % CHUNK;
      const to = Math.min(count, i + CHUNK - offset);
      const counts = counter.chunkAt(first + i) ?? NONE;
      for (let at = offset; i < to; i++, at++) {
        const refcount = read(i);
        const found = counts[at]!;
        if (refcount === 0 && found === 0) continue;
        end = first + i + 1;
        if (refcount !== found) mismatch(first + i, refcount, found);
      }
    }
  }
  return end;
}
