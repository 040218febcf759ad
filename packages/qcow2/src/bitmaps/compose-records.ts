import type { DirectoryEntry, DirtyBitmap, StoredMerge } from '@tidemark/core';
import { encodeName } from './bitmap-name.ts';
import { type BitmapRecord, encodeEntry, withFlags } from './directory-codec.ts';
import type { TablePlace } from './write-content.ts';
import type { MergeParts } from './write-merge.ts';

/** What is to be in a directory. */
export interface DirectoryContents {
  readonly entries: readonly DirectoryEntry[];
  /** Of those that get new bits. */
  readonly contents: ReadonlyMap<string, DirtyBitmap>;
  /** Of others that get new bits: merged of what lies in the image. */
  readonly merges?: ReadonlyMap<string, StoredMerge> | undefined;
}

/** Puts new bits and their table in place. */
export interface WriteBits {
  content(content: DirtyBitmap): Promise<TablePlace>;
  merge(parts: MergeParts, granularity: number): Promise<TablePlace>;
}

/** The directory that is in place. */
export interface PresentRecords {
  readonly records: ReadonlyMap<string, BitmapRecord>;
  /** Whether the bits of a bitmap that is in use are valid on disk. */
  readonly isLive: (name: string) => boolean;
}

/** What a bitmap that stays as it is has on disk does not fit a disk of another size. */
export function assertAllIn({ entries, contents }: DirectoryContents): void {
  for (const { name } of entries) {
    if (!contents.has(name))
      throw new RangeError(`bitmap '${name}' has no content of the new size`);
  }
}

/** The records of a new directory. */
export async function composeRecords(
  present: PresentRecords,
  { entries, contents, merges }: DirectoryContents,
  write: WriteBits,
): Promise<BitmapRecord[]> {
  const records: BitmapRecord[] = [];
  for (const entry of entries) {
    const { name, granularity, enabled, inUse } = entry;
    const content = contents.get(name);
    const merge = merges?.get(name);
    if (content === undefined && merge === undefined) {
      records.push(keep(present, entry));
      continue;
    }
    const nameBytes = present.records.get(name)?.nameBytes ?? encodeName(name);
    const place =
      merge === undefined
        ? await write.content(content!)
        : await write.merge(partsOf(present, merge), granularity);
    records.push(encodeEntry({ name, nameBytes, granularity, enabled, inUse, ...place }));
  }
  return records;
}

function partsOf({ records }: PresentRecords, { base, sources }: StoredMerge): MergeParts {
  const found = sources.map(({ name, granularity }) => {
    const record = records.get(name);
    const isFit = record?.granularity === granularity && !record.inUse;
    if (!isFit) throw new RangeError(`there is nothing to merge of bitmap '${name}'`);
    return record;
  });
  return { base, records: found };
}

function keep({ records, isLive }: PresentRecords, entry: DirectoryEntry): BitmapRecord {
  const record = records.get(entry.name);
  if (record === undefined) throw new RangeError(`bitmap '${entry.name}' has no content`);
  if (record.unsupported !== undefined) return record;
  // Its content was left behind by a crash. Nothing but a new content makes it true again.
  const isLeftBehind = record.inUse && !isLive(entry.name);
  if (isLeftBehind && !entry.inUse) throw new RangeError(`bitmap '${entry.name}' is in use`);
  return withFlags(record, entry);
}

/** Whether two directories are the same, byte for byte. */
export function isSameDirectory(a: readonly BitmapRecord[], b: readonly BitmapRecord[]): boolean {
  return (
    a.length === b.length && a.every(({ bytes }, i) => Buffer.compare(bytes, b[i]!.bytes) === 0)
  );
}
