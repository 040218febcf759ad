import { ioBuffer } from '@tidemark/block';
import { L2Scanner } from './scan-l2.ts';
import type { Walk } from './walk.ts';

/** Neighbouring tables are read in one go, up to so many bytes. */
const STEP = 4 << 20;

/** Reads each L2 table once, in the order of the file, and counts what its entries refer to. */
export async function walkL2(walk: Walk): Promise<void> {
  const { clusterSize } = walk.layout;
  const scanner = new L2Scanner(walk);
  const longest = Math.max(1, STEP / clusterSize);
  let buffer = ioBuffer(clusterSize);
  for (const { first, count } of runsOf(walk, longest)) {
    if (buffer.length < count * clusterSize) buffer = ioBuffer(longest * clusterSize);
    await scanRun(walk, scanner, { first, count }, buffer);
  }
}

interface Run {
  readonly first: number;
  readonly count: number;
}

/** Neighbouring tables, in the order of the file. */
function* runsOf({ l2Tables }: Walk, longest: number): Generator<Run> {
  let first = 0;
  let count = 0;
  for (const [cluster] of l2Tables.entries()) {
    if (count > 0 && cluster === first + count && count < longest) {
      count += 1;
      continue;
    }
    if (count > 0) yield { first, count };
    first = cluster;
    count = 1;
  }
  if (count > 0) yield { first, count };
}

async function scanRun(
  walk: Walk,
  scanner: L2Scanner,
  { first, count }: Run,
  buffer: Uint8Array,
): Promise<void> {
  const { clusterSize } = walk.layout;
  const bytes = buffer.subarray(0, count * clusterSize);
  await walk.source.readInto(bytes, first * clusterSize);
  for (let i = 0; i < count; i++) {
    const cluster = first + i;
    scanner.scan(bytes.subarray(i * clusterSize, (i + 1) * clusterSize), {
      offset: cluster * clusterSize,
      weight: walk.l2Tables.get(cluster),
      activeWeight: walk.activeL2Tables.get(cluster),
    });
  }
}
