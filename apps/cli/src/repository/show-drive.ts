import { drawLine } from '../picture/draw-line.ts';
import { changesOfPoints, type WhichPoints } from './changes-of-points.ts';

export type ShownDrive = Awaited<ReturnType<typeof showDrive>>;

/** Where each point of a drive differs from the one before. */
export async function showDrive(place: string, which: WhichPoints) {
  return changesOfPoints(place, which, ({ now, before, map, changed, ranges }) => ({
    point: now.number,
    id: now.id,
    created: now.manifest.created,
    since: before?.number ?? null,
    changed,
    picture: drawLine(map).cells,
    ranges,
  }));
}
