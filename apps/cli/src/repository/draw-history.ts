import { cellsOf, type Picture } from '@tidemark/picture';
import { formatSize } from '@tidemark/program';
import { changesOfPoints, type WhichPoints } from './changes-of-points.ts';

/** A row for each point of a drive: where it differs from the one before. */
export async function drawHistory(
  place: string,
  which: WhichPoints,
  columns: number,
): Promise<Picture> {
  let cellSize = 0;
  const { drive, size, points } = await changesOfPoints(place, which, (changes) => {
    const cells = cellsOf(changes.map, columns);
    cellSize = Math.max(cellSize, cells.cellSize);
    const { number, manifest } = changes.now;
    return {
      label: `${number}  ${manifest.created.slice(0, 16)}`,
      dirty: cells.dirty,
      note: formatSize(changes.changed),
    };
  });
  return {
    title: `${drive.label}, ${formatSize(size)}`,
    description: `Where each of ${points.length} restore points differs from the one before it.`,
    rows: points,
    cellSize,
  };
}
