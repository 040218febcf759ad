// Clients of QEMU match on these texts, so they are QEMU's own, capitals and all.
import { type ErrorCode, TidemarkError } from '@tidemark/core';

const REFUSALS = {
  busy: ['BITMAP_BUSY', 'is currently in use by another operation and cannot be used'],
  readonly: ['BITMAP_READ_ONLY', 'is readonly and cannot be modified'],
  inconsistent: ['BITMAP_INCONSISTENT', 'is inconsistent and cannot be used'],
  unsupported: ['BITMAP_UNSUPPORTED', 'is of a kind that is not supported and cannot be used'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

const HINTS: Partial<Record<keyof typeof REFUSALS, string>> = {
  readonly: 'open the drive for writing',
  inconsistent: 'rescan it by its last backup, or remove it and start with a full one',
  unsupported: 'remove it with the program that made it',
};

/** Why a bitmap that is there cannot be used now. `because`: what its store says of that. */
export function refusal(
  kind: keyof typeof REFUSALS,
  where: string,
  bitmap: string,
  because?: string,
): TidemarkError {
  const [code, text] = REFUSALS[kind];
  const usual = HINTS[kind];
  const hint = because === undefined ? usual : `${usual}, since ${because}`;
  return new TidemarkError(code, `Bitmap '${bitmap}' ${text}`, {
    where,
    bitmap,
    ...(hint !== undefined && { hint }),
  });
}

export function bitmapNotFound(where: string, bitmap: string): TidemarkError {
  const hint = 'list the bitmaps of the drive to see which it has';
  return new TidemarkError('BITMAP_NOT_FOUND', `Dirty bitmap '${bitmap}' not found`, {
    where,
    bitmap,
    hint,
  });
}

/** Of a freeze that is over, of another bitmap, or of a process that has ended since. */
export function freezeUnknown(where: string, bitmap: string, id: string): TidemarkError {
  const text = `Bitmap '${bitmap}' is not frozen as '${id.slice(0, 64)}'`;
  const hint = 'freeze it anew, and copy what it calls dirty then: nothing was cleared';
  return new TidemarkError('BITMAP_INVALID', text, { where, bitmap, hint });
}

export function bitmapExists(where: string, bitmap: string): TidemarkError {
  const hint = 'choose another name, or remove that one first';
  return new TidemarkError('BITMAP_EXISTS', `Bitmap already exists: ${bitmap}`, {
    where,
    bitmap,
    hint,
  });
}

/** Found when a drive is opened, which QEMU has no words for. */
export function bitmapInTwoStores(
  where: string,
  bitmap: string,
  stores: readonly [string, string],
): TidemarkError {
  const hint = 'remove it from one of the two';
  return new TidemarkError(
    'BITMAP_EXISTS',
    `bitmap '${bitmap}' of '${where}' is in two stores: ${stores.join(' and ')}`,
    { where, bitmap, hint },
  );
}

export function notPersistable(
  code: ErrorCode,
  { why, ...context }: { where: string; bitmap: string; why: string; hint?: string },
  cause?: unknown,
): TidemarkError {
  const text = `Can't make bitmap '${context.bitmap}' persistent in '${context.where}': ${why}`;
  return new TidemarkError(code, text, context, cause);
}

export function sizesDiffer(
  where: string,
  bitmap: string,
  sizes: { readonly target: number; readonly source: number },
): TidemarkError {
  return new TidemarkError(
    'BITMAP_INVALID',
    `Bitmaps are of different sizes (destination size is ${sizes.target}, ` +
      `source size is ${sizes.source}) and can't be merged`,
    { where, bitmap },
  );
}

/** Of a store whose bitmaps could not be put back as they were. */
export function storeFailed(where: string, cause: unknown): TidemarkError {
  const text = `${where} could not take back a change that failed elsewhere`;
  const hint = 'close the drive, open it again, and begin with a full backup';
  return new TidemarkError('STORE_FAILED', text, { where, hint }, cause);
}

export function driveClosing(where: string): TidemarkError {
  return new TidemarkError('DEVICE_CLOSED', `drive '${where}' is closing`, { where });
}
