import { TidemarkError } from '@tidemark/core';

/** What in the image is wrong. `offset` is where it lies in the file, in bytes. */
export interface Fault {
  readonly where: string;
  readonly struct: string;
  readonly field?: string;
  readonly offset?: number;
  /** Follows the name of the struct and field in the message. */
  readonly problem: string;
}

export function corrupt({ problem, ...context }: Fault): TidemarkError {
  const name = context.field === undefined ? context.struct : `${context.struct}.${context.field}`;
  const at = context.offset === undefined ? '' : ` (at byte ${context.offset})`;
  return new TidemarkError('IMAGE_CORRUPT', `${name} ${problem}${at}`, {
    ...context,
    hint: "look at the image with 'qemu-img check', or restore it from a backup",
  });
}

export function unsupported(where: string, problem: string, hint: string): TidemarkError {
  return new TidemarkError('IMAGE_UNSUPPORTED', problem, { where, hint });
}
