import { Command } from '../protocol/transmission.ts';

/** Kinds of requests that are counted, by their number in the protocol. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [Command.READ, 'read'],
  [Command.WRITE, 'write'],
  [Command.FLUSH, 'flush'],
  [Command.TRIM, 'trim'],
  [Command.CACHE, 'cache'],
  [Command.WRITE_ZEROES, 'write_zeroes'],
  [Command.BLOCK_STATUS, 'block_status'],
]);
const KINDS = 8;

/** What clients have asked of an export, since it is there. */
export interface RequestCount {
  readonly kind: string;
  /** Answered, errors included. */
  readonly requests: number;
  /** Bytes of the disk that they were about. */
  readonly bytes: number;
  readonly errors: number;
}

/** Counts in place: a request costs three additions. Kinds that there are not are not counted. */
export class ExportCounters {
  readonly #requests = new Float64Array(KINDS);
  readonly #bytes = new Float64Array(KINDS);
  readonly #errors = new Float64Array(KINDS);

  /** A request is done, well or not. */
  count(type: number, length: number): void {
    this.#requests[type]! += 1;
    this.#bytes[type]! += length;
  }

  /** One of those that are counted is answered with an error. */
  countError(type: number): void {
    this.#errors[type]! += 1;
  }

  read(): readonly RequestCount[] {
    return Array.from(NAMES, ([type, kind]) => ({
      kind,
      requests: this.#requests[type]!,
      bytes: this.#bytes[type]!,
      errors: this.#errors[type]!,
    }));
  }
}
