import { roundUp } from '../geometry.ts';
import type { BitmapsPointer, ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { type HostRange, RangeSet } from '../util/range-set.ts';
import { readTable } from './read-content.ts';
import { BitmapLimit } from './spec.ts';
import { ALL_ONES, tableRuns } from './table-codec.ts';

/** More than this of other tables is not read to make sure of one bitmap. Bytes. */
const CROSS_CHECK_LIMIT = 64 * 1024 * 1024;

export interface ReclaimOptions {
  readonly image: ImageMetadata;
  /** Entries that nothing points to any more, durably. */
  readonly dropped: readonly BitmapRecord[];
  /** Entries of the directory now: none of their clusters may go. */
  readonly kept: readonly BitmapRecord[];
  /** The directory that `dropped` was in: it is given back by itself, and not twice. */
  readonly oldDirectory: BitmapsPointer | undefined;
  readonly onLeak: (record: BitmapRecord, why: unknown) => void;
}

/**
 * Gives back the data and the tables of bitmaps, where it is certain that they are these bitmaps'
 * alone. The rest is leaked: a leak wastes space, a cluster freed twice destroys what is in it.
 */
export async function reclaim(options: ReclaimOptions): Promise<void> {
  const { image, dropped, onLeak } = options;
  const foreign = new ForeignClusters(options);
  const claims: Claim[] = [];
  for (const record of dropped) {
    try {
      const ranges = await ownRanges(image, record);
      await foreign.assertNone(ranges, record);
      claims.push({ record, ranges });
    } catch (error) {
      onLeak(record, error);
    }
  }
  const contested = contestedRecords(claims);
  for (const { record, ranges } of claims) {
    try {
      if (contested.has(record)) throw new Error('some of its clusters are in use twice');
      for (const { offset, length } of ranges) await image.free(offset, length / image.clusterSize);
    } catch (error) {
      onLeak(record, error);
    }
  }
}

interface Claim {
  readonly record: BitmapRecord;
  readonly ranges: readonly HostRange[];
}

/** All that bitmaps are made of; undefined where that cannot be told. */
export async function allRanges(
  image: ImageMetadata,
  records: readonly BitmapRecord[],
): Promise<readonly HostRange[] | undefined> {
  const ranges: HostRange[] = [];
  if (image.bitmaps !== undefined) ranges.push(directoryRange(image, image.bitmaps));
  try {
    for (const record of records) ranges.push(...(await ownRanges(image, record)));
  } catch {
    return undefined;
  }
  return ranges;
}

function directoryRange({ clusterSize }: ImageMetadata, pointer: BitmapsPointer): HostRange {
  const length = roundUp(pointer.directorySize, clusterSize);
  return { offset: pointer.directoryOffset, length };
}

/** Whole clusters: the data, then the table. */
async function ownRanges(image: ImageMetadata, record: BitmapRecord): Promise<HostRange[]> {
  if (record.unsupported !== undefined) throw new Error(`it ${record.unsupported}`);
  return [...(await dataRanges(image, record)), tableRange(image, record)];
}

async function dataRanges(image: ImageMetadata, record: BitmapRecord): Promise<HostRange[]> {
  const { clusterSize, fileSize } = image;
  const ranges: HostRange[] = [];
  const table = await readTable(image, record);
  for (const { start, count } of tableRuns(table, clusterSize, table.length)) {
    if (start <= ALL_ONES) continue;
    const lastCluster = start + (count - 1) * clusterSize;
    if (lastCluster >= fileSize) throw new Error('its clusters lie behind the end of the file');
    ranges.push({ offset: start, length: count * clusterSize });
  }
  return ranges;
}

function tableRange({ clusterSize }: ImageMetadata, record: BitmapRecord): HostRange {
  return { offset: record.tableOffset, length: roundUp(record.tableSize * 8, clusterSize) };
}

/** Clusters of the directories, old and new, and of the bitmaps that stay. */
class ForeignClusters {
  readonly #image: ImageMetadata;
  readonly #kept: readonly BitmapRecord[];
  readonly #tables: RangeSet;
  #data: Promise<RangeSet> | undefined;

  constructor({ image, kept, oldDirectory }: ReclaimOptions) {
    const { clusterSize, fileSize, bitmaps } = image;
    // What cannot be a table is no reason to keep clusters.
    const ranges = kept
      .filter(({ tableSize }) => tableSize * clusterSize <= BitmapLimit.contentBytes)
      .filter(({ tableOffset }) => tableOffset < fileSize)
      .map((record) => tableRange(image, record));
    for (const pointer of [bitmaps, oldDirectory]) {
      if (pointer !== undefined) ranges.push(directoryRange(image, pointer));
    }
    this.#image = image;
    this.#kept = kept;
    this.#tables = new RangeSet(ranges);
  }

  async assertNone(ranges: readonly HostRange[], { inUse }: BitmapRecord): Promise<void> {
    const sets = [this.#tables];
    // In use: a crash left it behind, and who changed what since is not known.
    if (inUse) sets.push(await (this.#data ??= this.#readData()));
    if (ranges.some((range) => sets.some((set) => set.touches(range)))) {
      throw new Error('some of its clusters belong to another bitmap');
    }
  }

  async #readData(): Promise<RangeSet> {
    const size = this.#kept.reduce((sum, { tableSize }) => sum + tableSize * 8, 0);
    if (size > CROSS_CHECK_LIMIT) throw new Error('there are too many bitmaps to compare it with');
    const ranges: HostRange[] = [];
    for (const { unsupported, ...record } of this.#kept) {
      if (unsupported !== undefined) {
        throw new Error(`it cannot be compared with '${record.name}', which ${unsupported}`);
      }
      ranges.push(...(await dataRanges(this.#image, record)));
    }
    return new RangeSet(ranges);
  }
}

/** Those that share a cluster with another, or name one twice. */
function contestedRecords(claims: readonly Claim[]): Set<BitmapRecord> {
  const all = claims.flatMap(({ record, ranges }) =>
    ranges.map(({ offset, length }) => ({ record, offset, end: offset + length })),
  );
  all.sort((a, b) => a.offset - b.offset);
  const contested = new Set<BitmapRecord>();
  let furthest: (typeof all)[number] | undefined;
  for (const range of all) {
    if (furthest !== undefined && range.offset < furthest.end) {
      contested.add(range.record).add(furthest.record);
    }
    if (furthest === undefined || range.end > furthest.end) furthest = range;
  }
  return contested;
}
