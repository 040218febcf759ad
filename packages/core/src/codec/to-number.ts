import { TidemarkError } from '../errors.ts';

/**
 * A u64 from disk or wire as a number of bytes or things: the one place where that is done.
 * `what` names it in the message. @throws IMAGE_CORRUPT: not from 0 to 2^53 - 1
 */
export function toNumber(value: bigint, what: string): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new TidemarkError('IMAGE_CORRUPT', `${what} is ${value}, which is not from 0 to 2^53 - 1`, {
    field: what,
  });
}
