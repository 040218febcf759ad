import type { BackedUpDrive, PointManifest, RootPoint } from '@tidemark/repository';
import { formatSize } from '@tidemark/program';

/** A restore point as JSON shows it everywhere. */
export function pointAsJson({ id, number }: RootPoint, manifest: PointManifest) {
  const { created, kind, reason, parent, drive, granularity, bitmap, set, totals } = manifest;
  return {
    point: number,
    id,
    created,
    kind,
    reason,
    parent,
    drive,
    granularity,
    bitmap,
    set,
    totals,
  };
}

export function backedUpAsJson(points: readonly BackedUpDrive[]) {
  return { points: points.map((point) => pointAsJson(point, point.manifest)) };
}

export function describeBackedUp({ points }: ReturnType<typeof backedUpAsJson>): readonly string[] {
  return points.flatMap(({ point, kind, reason, totals, drive }) => [
    `${drive.label}: restore point ${point}, ${kind}, because ${reason}`,
    `read ${formatSize(totals.read)} of ${formatSize(drive.size)}, ` +
      `${formatSize(totals.fresh)} was new, stored in ${formatSize(totals.storedBytes)}`,
  ]);
}
