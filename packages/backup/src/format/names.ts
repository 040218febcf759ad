/** Whether a restore point stands alone, or holds what changed since its parent. */
export type PointKind = 'full' | 'incremental';

export interface PointName {
  readonly number: number;
  readonly kind: PointKind;
}

export const MANIFEST_NAME = 'manifest.json';
export const DATA_NAME = 'data';
export const INDEX_NAME = 'index';
export const HEAD_NAME = 'head.json';
export const PARTIAL_SUFFIX = '.partial';

const POINT = /^(\d{6})-(full|incremental)$/;
const LEFTOVER = /^(?:\d{6}-(?:full|incremental)\.partial|head\.json\.partial|\.lock\..+)$/;
const MAX_NUMBER = 999_999;

/** The number of the last possible restore point is 999999. */
export function formatPointName({ number, kind }: PointName): string {
  if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) {
    throw new RangeError(`a restore point cannot have the number ${number}`);
  }
  return `${String(number).padStart(6, '0')}-${kind}`;
}

export function parsePointName(name: string): PointName | undefined {
  const [, digits, kind] = POINT.exec(name) ?? [];
  if (digits === undefined) return undefined;
  return { number: Number(digits), kind: kind === 'full' ? 'full' : 'incremental' };
}

/** Whether an entry of a backup directory is what an interrupted backup left. */
export function isLeftover(name: string): boolean {
  return LEFTOVER.test(name);
}
