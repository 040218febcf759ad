import { ioBuffer } from '@tidemark/block';
import type { Walk } from '../count/walk.ts';
import { forUsedEntries } from '../layout/pieces.ts';
import { RefcountBlock } from './refcount-pieces.ts';

/** Where the refcounts are, as far as that makes sense. */
export interface RefcountTable {
  /** Host offset of each block; 0 where there is none, or none that can be used. */
  readonly blocks: Float64Array;
  /** Clusters that one block counts. */
  readonly perBlock: number;
  /** The clusters of table and blocks that were counted. */
  readonly own: readonly number[];
  /** The structure itself is damaged: entries of it cannot be changed in place. */
  isBroken: boolean;
}

const RESERVED = 0x1ffn;

/** Reads the table, counts it and its blocks, and remembers which clusters have a refcount of 1. */
export async function readRefcountTable(walk: Walk): Promise<RefcountTable> {
  const { layout, source, references, findings } = walk;
  const perBlock = (layout.clusterSize * 8) / layout.refcountBits;
  const place = layout.refcountTable;
  if (place === undefined)
    return { blocks: new Float64Array(0), perBlock, own: [], isBroken: true };
  const length = place.entries * 8;
  const what = 'the refcount table';
  let isBroken = !references.addRange({ offset: place.offset, length }, 1, { what });
  const bytes = await source.read(place.offset, length);
  const view = new DataView(bytes.buffer);
  const blocks = new Float64Array(place.entries);
  const first = place.offset / layout.clusterSize;
  const count = isBroken ? 0 : length / layout.clusterSize;
  const own = Array.from({ length: count }, (_, i) => first + i);
  const seen = new Set<number>();
  const wrong = (index: number, problem: string) => {
    isBroken = true;
    findings.add({
      kind: 'refcount-table',
      severity: 'corruption',
      offset: place.offset + index * 8,
      message: `entry ${index} of the refcount table ${problem}`,
    });
  };
  forUsedEntries(bytes, (at) => {
    const entry = view.getBigUint64(at);
    const index = at / 8;
    if ((entry & RESERVED) !== 0n) wrong(index, 'has reserved bits set');
    const offset = entry & ~RESERVED;
    if (offset % BigInt(layout.clusterSize) !== 0n) {
      wrong(index, `points to ${offset}, not the start of a cluster`);
    } else if (offset >= BigInt(source.size)) {
      wrong(index, `points to ${offset}, and the file ends at ${source.size}`);
    } else if (seen.has(Number(offset))) {
      wrong(index, `points to ${offset}, as another entry does`);
    } else {
      seen.add(Number(offset));
      blocks[index] = Number(offset);
      own.push(Number(offset) / layout.clusterSize);
      references.counter.add(own.at(-1)!, 1);
    }
  });
  await findSingle(walk, blocks, perBlock);
  return { blocks, perBlock, own, isBroken };
}

async function findSingle(walk: Walk, blocks: Float64Array, perBlock: number): Promise<void> {
  const { layout, source, references, single } = walk;
  const block = new RefcountBlock(ioBuffer(layout.clusterSize), layout.refcountBits);
  const used = Math.min(blocks.length, Math.ceil(references.clusters / perBlock));
  for (let index = 0; index < used; index++) {
    if (blocks[index] === 0) continue;
    await source.readInto(block.bytes, blocks[index]!);
    const first = index * perBlock;
    for (const { from, to, all } of block.pieces(perBlock)) {
      if (all === 1) single.addRun(first + from, to - from);
      if (all !== undefined) continue;
      for (let i = from; i < to; i++) if (block.read(i) === 1) single.add(first + i);
    }
  }
}

/** When all is counted: a block that something else refers to as well may hold anything. */
export function checkBlocks(
  { layout, references, findings }: Walk,
  refcounts: RefcountTable,
): void {
  for (let index = 0; index < refcounts.blocks.length; index++) {
    const offset = refcounts.blocks[index]!;
    if (offset === 0) continue;
    const cluster = offset / layout.clusterSize;
    const count = references.counter.get(cluster);
    if (count === 1) continue;
    refcounts.isBroken = true;
    findings.add({
      kind: 'refcount-table',
      severity: 'corruption',
      offset,
      cluster,
      message: `refcount block ${index} lies in cluster ${cluster}, which is referred to ${count} times`,
    });
  }
}
