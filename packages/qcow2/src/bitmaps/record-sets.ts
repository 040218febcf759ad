import { MAX_LIVE_ENTRIES } from '../control/control.ts';
import type { BitmapRecord } from './directory-codec.ts';

export const byName = (records: readonly BitmapRecord[]): ReadonlyMap<string, BitmapRecord> =>
  new Map(records.map((record) => [record.name, record]));

/** By their tables: a bitmap that was written anew has another one. */
export function isNotIn(records: readonly BitmapRecord[]): (record: BitmapRecord) => boolean {
  const tables = new Set(records.map(({ tableOffset }) => tableOffset));
  return ({ tableOffset }) => !tables.has(tableOffset);
}

/** Places in the directory. The first ones: a control extension can name no others. */
export function indicesOf(records: readonly BitmapRecord[], names: ReadonlySet<string>): number[] {
  return [...records.keys()].filter(
    (index) => index < MAX_LIVE_ENTRIES && names.has(records[index]!.name),
  );
}
