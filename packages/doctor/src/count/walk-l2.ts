import { L2Scanner } from './scan-l2.ts';
import type { Walk } from './walk.ts';

/** Neighbouring tables are read in one go, up to so many bytes. */
const STEP = 4 << 20;

/** Reads each L2 table once, in the order of the file, and counts what its entries refer to. */
export async function walkL2(walk: Walk): Promise<void> {
  const { clusterSize } = walk.layout;
  const scanner = new L2Scanner(walk);
  const buffer = new Uint8Array(Math.max(STEP, clusterSize));
  let run: number[] = [];
  for (const [cluster] of walk.l2Tables.entries()) {
    const isNext = run.length === 0 || cluster === run.at(-1)! + 1;
    if (!isNext || (run.length + 1) * clusterSize > buffer.length) {
      await scanRun(walk, scanner, run, buffer);
      run = [];
    }
    run.push(cluster);
  }
  if (run.length > 0) await scanRun(walk, scanner, run, buffer);
}

async function scanRun(
  walk: Walk,
  scanner: L2Scanner,
  run: readonly number[],
  buffer: Uint8Array,
): Promise<void> {
  const { clusterSize } = walk.layout;
  const bytes = buffer.subarray(0, run.length * clusterSize);
  await walk.source.readInto(bytes, run[0]! * clusterSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [i, cluster] of run.entries()) {
    scanner.scan(view, i * clusterSize, {
      offset: cluster * clusterSize,
      weight: walk.l2Tables.get(cluster),
      activeWeight: walk.activeL2Tables.get(cluster),
    });
  }
}
