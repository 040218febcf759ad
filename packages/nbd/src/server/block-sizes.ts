import { TidemarkError } from '@tidemark/core';
import { MAX_REQUEST_BYTES } from '../protocol/limits.ts';

/** What requests are to be made of (proto.md, "Block size constraints"). Bytes. */
export interface BlockSizes {
  /** A power of two up to 64 KiB. Offsets and lengths that are no multiples of it are refused. */
  readonly minimum: number;
  /** A power of two: what is fastest. */
  readonly preferred: number;
  /** Of one read or write; a multiple of `minimum`, at most 32 MiB. */
  readonly maximum: number;
}

const MAX_MINIMUM = 65_536;
// Pages are what file systems and devices like best.
const PREFERRED = 4096;

/** By default any offset and length will do. @throws USAGE */
export function completeBlockSizes({
  minimum = 1,
  preferred = Math.max(PREFERRED, minimum),
  maximum = MAX_REQUEST_BYTES,
}: Partial<BlockSizes> = {}): BlockSizes {
  const isSound =
    isPowerOfTwo(minimum) &&
    minimum <= MAX_MINIMUM &&
    isPowerOfTwo(preferred) &&
    preferred >= minimum &&
    Number.isInteger(maximum) &&
    maximum <= MAX_REQUEST_BYTES &&
    maximum >= preferred &&
    maximum % minimum === 0;
  if (isSound) return { minimum, preferred, maximum };
  throw new TidemarkError(
    'USAGE',
    `block sizes of ${minimum}, ${preferred} and ${maximum} bytes are not possible`,
    { hint: 'use powers of two: at least 1, at most 64 KiB; up to a maximum of at most 32 MiB' },
  );
}

function isPowerOfTwo(value: number): boolean {
  return (
    Number.isInteger(value) && value > 0 && value <= 2 ** 31 && Number.isInteger(Math.log2(value))
  );
}
