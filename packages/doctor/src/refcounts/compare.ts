import { CHUNK } from '../count/cluster-counter.ts';
import type { Walk } from '../count/walk.ts';
import { refcountReader } from './refcount-reader.ts';
import type { RefcountTable } from './refcount-table.ts';

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
  const buffer = new Uint8Array(layout.clusterSize);
  const read = refcountReader(new DataView(buffer.buffer), layout.refcountBits);
  let end = 0;
  for (let index = 0; index * perBlock < clusters; index++) {
    const first = index * perBlock;
    const count = Math.min(perBlock, clusters - first);
    const block = blocks[index] ?? 0;
    if (block === 0 && counter.isEmpty(first, first + count)) continue;
    if (block === 0) buffer.fill(0);
    else await source.readInto(buffer, block);
    const compare = (i: number, found: number) => {
      const refcount = read(i);
      if (refcount === 0 && found === 0) return;
      end = first + i + 1;
      if (refcount !== found) mismatch(first + i, refcount, found);
    };
    for (let i = 0; i < count;) {
      // In steps of a chunk of the counter, so that it is looked up once for each.
      const offset = (first + i) % CHUNK;
      const to = Math.min(count, i + CHUNK - offset);
      const counts = counter.chunkAt(first + i);
      for (let from = i; i < to; i++) compare(i, counts?.[offset + i - from] ?? 0);
    }
  }
  return end;
}
