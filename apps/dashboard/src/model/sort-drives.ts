import type { Drive } from '@tidemark/http/client';
import { severityOf } from './warnings.ts';

export const SORT_KEYS = ['warnings', 'dirty', 'writes', 'name'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export const dirtiest = (drive: Drive): number =>
  drive.bitmaps.reduce(
    (most, one) => (one.inconsistent ? most : Math.max(most, one.dirtyBytes)),
    0,
  );

const BY: Readonly<Record<SortKey, (drive: Drive) => number>> = {
  name: () => 0,
  dirty: dirtiest,
  // In powers of two: drives that write about alike do not change places each second.
  writes: (drive) => Math.floor(Math.log2(drive.writes.bytesPerSecond + 1)),
  warnings: (drive) =>
    drive.warnings.reduce((sum, { code }) => sum + (severityOf(code) === 'danger' ? 100 : 1), 0),
};

const collator = new Intl.Collator('en', { numeric: true });

/** Names of the drives whose name, file or bitmaps have `filter` in them, in the order asked for. */
export function sortDrives(drives: readonly Drive[], key: SortKey, filter: string): string[] {
  const wanted = filter.trim().toLowerCase();
  const has = (text: string | undefined): boolean => text?.toLowerCase().includes(wanted) === true;
  return drives
    .filter(
      (drive) =>
        has(drive.name) || has(drive.file) || drive.bitmaps.some((bitmap) => has(bitmap.name)),
    )
    .toSorted(
      (one, other) => BY[key](other) - BY[key](one) || collator.compare(one.name, other.name),
    )
    .map((drive) => drive.name);
}
