import { ioBuffer } from '@tidemark/block';
import type { Walk } from '../count/walk.ts';
import type { Finding } from '../findings.ts';
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
  /** Entries of the table whose blocks were counted, and where those are. */
  readonly counted: readonly { readonly index: number; readonly cluster: number }[];
  /** Told of in `checkBlocks`. */
  readonly faults: readonly Finding[];
  /** The structure itself is damaged: entries of it cannot be changed in place. */
  isBroken: boolean;
}

const RESERVED = 0x1ffn;

/** Reads the table, counts it and its blocks, and remembers which clusters have a refcount of 1. */
export async function readRefcountTable(walk: Walk): Promise<RefcountTable> {
  const { layout, source, references } = walk;
  const perBlock = (layout.clusterSize * 8) / layout.refcountBits;
  const place = layout.refcountTable;
  if (place === undefined)
    return {
      blocks: new Float64Array(0),
      perBlock,
      own: [],
      counted: [],
      faults: [],
      isBroken: true,
    };
  const length = place.entries * 8;
  const what = 'the refcount table';
  let isBroken = !references.addRange({ offset: place.offset, length }, 1, { what });
  const bytes = await source.read(place.offset, length);
  const view = new DataView(bytes.buffer);
  const blocks = new Float64Array(place.entries);
  const first = place.offset / layout.clusterSize;
  const count = isBroken ? 0 : length / layout.clusterSize;
  const own = Array.from({ length: count }, (_, i) => first + i);
  const counted: { readonly index: number; readonly cluster: number }[] = [];
  const seen = new Set<number>();
  const faults: Finding[] = [];
  const wrong = (index: number, problem: string, qemuLine: string) => {
    isBroken = true;
    faults.push({
      kind: 'refcount-table',
      severity: 'corruption',
      offset: place.offset + index * 8,
      message: `entry ${index} of the refcount table ${problem}`,
      qemuLine: `ERROR ${qemuLine}`,
    });
  };
  forUsedEntries(bytes, (at) => {
    const entry = view.getBigUint64(at);
    const index = at / 8;
    const isReserved = (entry & RESERVED) !== 0n;
    if (isReserved) {
      wrong(index, 'has reserved bits set', `refcount table entry ${index} has reserved bits set`);
    }
    const offset = entry & ~RESERVED;
    if (offset % BigInt(layout.clusterSize) !== 0n) {
      const line = `refcount block ${index} is not cluster aligned; refcount table entry corrupted`;
      wrong(index, `points to ${offset}, not the start of a cluster`, line);
    } else if (offset >= BigInt(source.size)) {
      const line = `refcount block ${index} is outside image`;
      wrong(index, `points to ${offset}, and the file ends at ${source.size}`, line);
    } else {
      // Where another entry has the same one, it cannot hold the counts of both.
      if (!seen.has(Number(offset))) blocks[index] = Number(offset);
      seen.add(Number(offset));
      if (isReserved) return;
      const cluster = Number(offset) / layout.clusterSize;
      own.push(cluster);
      counted.push({ index, cluster });
      references.counter.add(cluster, 1);
    }
  });
  await findSingle(walk, blocks, perBlock);
  return { blocks, perBlock, own, counted, faults, isBroken };
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

/**
 * Tells of what is wrong with the structure, when all is counted: a block that something else refers to as well
 * may hold anything.
 */
export function checkBlocks(
  { layout, references, findings }: Walk,
  refcounts: RefcountTable,
): void {
  for (const fault of refcounts.faults) findings.add(fault);
  const { counter } = references;
  const later = new Map<number, number>();
  const { counted } = refcounts;
  for (const { cluster } of counted) later.set(cluster, (later.get(cluster) ?? 0) + 1);
  for (const { index, cluster } of counted) {
    // As if blocks were counted last, one after the other: the first of two that are one is no fault yet.
    later.set(cluster, later.get(cluster)! - 1);
    const count = counter.get(cluster) - later.get(cluster)!;
    if (count === 1) continue;
    refcounts.isBroken = true;
    findings.add({
      kind: 'refcount-table',
      severity: 'corruption',
      offset: cluster * layout.clusterSize,
      cluster,
      message: `refcount block ${index} lies in cluster ${cluster}, which is referred to ${count} times`,
      qemuLine: `ERROR refcount block ${index} refcount=${count}`,
    });
  }
}
