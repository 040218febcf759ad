/** What a disk writes whole or not at all. */
const SECTOR = 512;

/** The parts of a write, from its own start, whose sectors are kept. */
export function* keptRuns(
  offset: number,
  length: number,
  keeps: (sector: number) => boolean,
): Generator<readonly [start: number, end: number]> {
  for (let at = 0; at < length;) {
    const sector = Math.floor((offset + at) / SECTOR);
    const end = Math.min(length, (sector + 1) * SECTOR - offset);
    if (keeps(sector)) yield [at, end];
    at = end;
  }
}
