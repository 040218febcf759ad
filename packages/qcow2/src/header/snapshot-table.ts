import { corrupt } from '../errors.ts';
import { roundUp, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HostFile } from '../io/host-file.ts';
import type { HostRange } from '../util/range-set.ts';
import type { ImageHeader } from './image-header.ts';
import { Limit, SnapshotEntry, SnapshotExtra } from './spec.ts';

/** An internal snapshot: what the disk was, kept in the image. Sizes are bytes. */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  /** When it was made: since 1970, in whole seconds and nanoseconds. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** How long the guest had run, in nanoseconds. */
  readonly runTime: bigint;
  /** Of the state of the running machine, which lies behind the disk; 0: there is none. */
  readonly stateSize: bigint;
  /** Of the disk then. Absent: it was as large as it is now. */
  readonly virtualSize?: bigint;
  /** Instructions that the guest had run. Absent: not counted. */
  readonly instructions?: bigint;
}

interface FoundSnapshot {
  readonly snapshot: Snapshot;
  readonly l1: HostRange;
  /** Host offset of what comes behind it. */
  readonly end: number;
}

const NOT_COUNTED = 2n ** 64n - 1n;

/** qcow2.rst, "Snapshots": the table, in its order. @throws IMAGE_CORRUPT */
export async function readSnapshots(file: HostFile, header: ImageHeader): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const { snapshot } of walk(file, header)) found.push(snapshot);
  return found;
}

/**
 * Where the snapshots' own metadata lies: their table, and the L1 table of each. @throws
 * IMAGE_CORRUPT
 */
export async function snapshotRanges(file: HostFile, header: ImageHeader): Promise<HostRange[]> {
  const { snapshotCount, snapshotsOffset } = header;
  const ranges: HostRange[] = [];
  let tableEnd = snapshotsOffset;
  for await (const { l1, end } of walk(file, header)) {
    if (l1.length > 0) ranges.push(l1);
    tableEnd = end;
  }
  if (snapshotCount > 0) {
    ranges.push({ offset: snapshotsOffset, length: tableEnd - snapshotsOffset });
  }
  return ranges;
}

async function* walk(file: HostFile, header: ImageHeader): AsyncGenerator<FoundSnapshot> {
  const { snapshotCount, snapshotsOffset, clusterBits } = header;
  let at = snapshotsOffset;
  for (let i = 0; i < snapshotCount; i++) {
    const start = at;
    const entry = SnapshotEntry.decode(await file.readNew(at, SnapshotEntry.size));
    const fault = (problem: string) =>
      corrupt({
        where: file.label,
        struct: 'snapshot table',
        field: `entry ${i}`,
        offset: start,
        problem,
      });
    const length = entry.l1Size * TABLE_ENTRY_SIZE;
    if (length > Limit.l1Bytes) throw fault(`has an L1 table of ${length} bytes`);
    if (entry.l1Offset % BigInt(2 ** clusterBits) !== 0n) {
      throw fault(`has its L1 table at ${entry.l1Offset}, not the start of a cluster`);
    }
    if (entry.l1Offset + BigInt(length) > BigInt(file.size)) {
      throw fault(`has its L1 table at ${entry.l1Offset}, and the file ends at ${file.size}`);
    }
    const { extraDataSize, idSize, nameSize } = entry;
    const used = SnapshotEntry.size + extraDataSize + idSize + nameSize;
    const end = start + roundUp(used, 8);
    // The padding of the last one is not in the file where that ends with the table.
    if (start + used > file.size || end > snapshotsOffset + Limit.snapshotTableBytes) {
      throw fault('reaches behind the end of the table');
    }
    const rest = await file.readNew(start + SnapshotEntry.size, used - SnapshotEntry.size);
    const l1 = { offset: Number(entry.l1Offset), length };
    yield { snapshot: describe(entry, rest), l1, end };
    at = end;
  }
}

function describe(entry: ReturnType<typeof SnapshotEntry.decode>, rest: Uint8Array): Snapshot {
  const { extraDataSize, idSize, nameSize, seconds, nanoseconds, runTime } = entry;
  const text = (from: number, length: number) =>
    new TextDecoder().decode(rest.subarray(from, from + length));
  // Each field of it is there where the size says so.
  const room = new Uint8Array(SnapshotExtra.size);
  room.set(rest.subarray(0, Math.min(extraDataSize, room.length)));
  const extra = SnapshotExtra.decode(room);
  const has = (field: keyof typeof extra) => extraDataSize >= SnapshotExtra.offsetOf[field] + 8;
  return {
    id: text(extraDataSize, idSize),
    name: text(extraDataSize + idSize, nameSize),
    seconds,
    nanoseconds,
    runTime,
    stateSize: has('stateSize') ? extra.stateSize : BigInt(entry.stateSize),
    ...(has('virtualSize') && { virtualSize: extra.virtualSize }),
    ...(has('instructions') &&
      extra.instructions !== NOT_COUNTED && { instructions: extra.instructions }),
  };
}
