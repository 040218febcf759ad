import { corrupt } from '../errors.ts';
import { roundUp, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HostFile } from '../io/host-file.ts';
import type { HostRange } from '../util/range-set.ts';
import type { ImageHeader } from './image-header.ts';
import { Limit, SnapshotEntry } from './spec.ts';

/**
 * Where the snapshots' own metadata lies: their table, and the L1 table of each (qcow2.rst,
 * "Snapshots"). Nothing else of them is of interest here. @throws IMAGE_CORRUPT
 */
export async function snapshotRanges(file: HostFile, header: ImageHeader): Promise<HostRange[]> {
  const { snapshotCount, snapshotsOffset, clusterBits } = header;
  const ranges: HostRange[] = [];
  let at = snapshotsOffset;
  for (let i = 0; i < snapshotCount; i++) {
    const entry = SnapshotEntry.decode(await file.readNew(at, SnapshotEntry.size));
    const fault = (problem: string) =>
      corrupt({
        where: file.label,
        struct: 'snapshot table',
        field: `entry ${i}`,
        offset: at,
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
    if (length > 0) ranges.push({ offset: Number(entry.l1Offset), length });
    at += roundUp(SnapshotEntry.size + entry.extraDataSize + entry.idSize + entry.nameSize, 8);
    if (at > Math.min(file.size, snapshotsOffset + Limit.snapshotTableBytes)) {
      throw fault('reaches behind the end of the table');
    }
  }
  if (snapshotCount > 0) ranges.push({ offset: snapshotsOffset, length: at - snapshotsOffset });
  return ranges;
}
