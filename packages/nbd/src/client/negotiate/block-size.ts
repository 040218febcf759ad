import { InfoBlockSize } from '../../protocol/handshake.ts';
import { MAX_REQUEST_BYTES } from '../../protocol/limits.ts';
import { protocolError } from '../faults.ts';

/** What requests have to keep to. Bytes. */
export interface BlockSize {
  /** A power of two; offsets and lengths are multiples of it. 1: any. */
  readonly minimum: number;
  /** The server is fastest with multiples of this. */
  readonly preferred: number;
  /** Of one read or write; a multiple of `minimum`. */
  readonly maximum: number;
}

/** Servers that name none take any, in practice. */
export const ANY_BLOCK_SIZE: BlockSize = {
  minimum: 1,
  preferred: 4096,
  maximum: MAX_REQUEST_BYTES,
};

const MAX_MINIMUM = 65_536;

/** proto.md, "Block size constraints". @throws PROTOCOL_ERROR */
export function decodeBlockSize(payload: Uint8Array): BlockSize {
  const { minimum, preferred, maximum } = InfoBlockSize.decode(payload);
  const isPowerOfTwo = minimum > 0 && (minimum & (minimum - 1)) === 0;
  const isSound =
    payload.length === InfoBlockSize.size &&
    isPowerOfTwo &&
    minimum <= MAX_MINIMUM &&
    preferred >= minimum &&
    maximum >= minimum;
  if (!isSound) {
    throw protocolError(`block sizes of ${minimum}, ${preferred} and ${maximum} bytes`);
  }
  const most = Math.min(maximum, MAX_REQUEST_BYTES);
  return { minimum, preferred, maximum: most - (most % minimum) };
}
