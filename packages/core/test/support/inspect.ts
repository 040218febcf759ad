import type { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import { isTidemarkError } from '../../src/errors.ts';

/** The serialised form in hex. */
export function hexOf(bitmap: DirtyBitmap): string {
  const bytes = new Uint8Array(bitmap.serializedLength);
  bitmap.serialize(bytes);
  return Buffer.from(bytes).toString('hex');
}

/** The code a call is refused with, or what else came of it. */
export function codeOf(call: () => unknown): string {
  try {
    call();
    return 'not refused';
  } catch (error) {
    return isTidemarkError(error) ? error.code : `no code: ${String(error)}`;
  }
}
