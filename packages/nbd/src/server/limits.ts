import { TidemarkError } from '@tidemark/core';
import { HANDSHAKE_TIMEOUT_MS, MAX_REQUEST_BYTES } from '../protocol/limits.ts';

/** What clients may cost. */
export interface Limits {
  /** Clients at a time. Default 128. */
  readonly clients: number;
  /**
   * What becomes of more clients: they are hung up on, or wait until one of the others leaves, as
   * those of qemu-nbd do. Default `refuse`.
   */
  readonly whenFull: 'refuse' | 'wait';
  /** Requests of one client that are worked on at a time. Default 64. */
  readonly requests: number;
  /**
   * Bytes of data that the requests of one client hold before no further one is taken. Default 16
   * MiB. Besides, a client may have half sent a request of up to 32 MiB.
   */
  readonly bytes: number;
  /** Milliseconds that a handshake may take, TLS and all. Default 10000. */
  readonly handshake: number;
}

const DEFAULTS: Limits = {
  clients: 128,
  whenFull: 'refuse',
  // More than QEMU's 16: what came together is answered together.
  requests: 64,
  bytes: MAX_REQUEST_BYTES / 2,
  handshake: HANDSHAKE_TIMEOUT_MS,
};

/** @throws USAGE: not whole numbers of 1 or more */
export function completeLimits(limits: Partial<Limits> = {}): Limits {
  const complete = { ...DEFAULTS, ...limits };
  const { whenFull: _, ...numbers } = complete;
  for (const [name, value] of Object.entries(numbers)) {
    // A timer of Node's that is set to more ends at once; and nobody has more of the others.
    if (Number.isInteger(value) && value >= 1 && value <= 2 ** 31 - 1) continue;
    throw new TidemarkError('USAGE', `a limit of ${value} ${name} is not possible`, {
      hint: 'use a whole number from 1 to 2147483647',
    });
  }
  return complete;
}
