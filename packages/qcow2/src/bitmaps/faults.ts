import { TidemarkError } from '@tidemark/core';

/** Which part of the bitmaps is wrong, and where it lies in the image file. */
export interface BitmapFault {
  readonly where: string;
  readonly struct: string;
  readonly field?: string;
  readonly offset?: number;
  readonly bitmap?: string;
  /** Follows the name of the struct and field in the message. */
  readonly problem: string;
}

/** The directory cannot be understood, and with it none of the bitmaps. */
export function directoryFault(fault: BitmapFault): TidemarkError {
  return corrupt(fault, 'restore the image from a backup; QEMU does not open it either');
}

/** One bitmap cannot be read; the others can. */
export function contentFault(fault: BitmapFault): TidemarkError {
  return corrupt(fault, 'remove this bitmap, and make the next backup a full one');
}

export const WHY_LOST =
  'for a program that does not know bitmaps has changed the image, or it was cut short while open';

export function changedByOthers(where: string): TidemarkError {
  const hint = 'open them again';
  return new TidemarkError('STORE_FAILED', 'something else has changed the bitmaps', {
    where,
    hint,
  });
}

function corrupt({ problem, ...context }: BitmapFault, hint: string): TidemarkError {
  const { struct, field, bitmap, offset } = context;
  const name = field === undefined ? struct : `${struct}.${field}`;
  const whose = bitmap === undefined ? '' : ` of bitmap '${bitmap}'`;
  const at = offset === undefined ? '' : ` (at byte ${offset})`;
  return new TidemarkError('IMAGE_CORRUPT', `${name}${whose} ${problem}${at}`, {
    ...context,
    hint,
  });
}
