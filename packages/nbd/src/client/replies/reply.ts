import { TidemarkError } from '@tidemark/core';
import { meaningOfErrno } from '../../protocol/errors.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError } from '../faults.ts';

/** What a chunk says before its payload. */
export interface ChunkHead {
  readonly type: number;
  /** Bytes of payload. */
  readonly length: number;
}

/** The answer that a request waits for. This one is of requests that get no content. */
export class Reply {
  readonly settled: Promise<void>;
  /** What was asked for, for messages: `write 512 bytes at 0`. */
  readonly #what: string;
  /** Bytes: the request's. */
  readonly offset: number;
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void };
  #error: TidemarkError | undefined;

  constructor(what: string, offset = 0) {
    this.#what = what;
    this.offset = offset;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = { resolve, reject };
  }

  /** Takes what follows a simple reply that tells of success. @throws PROTOCOL_ERROR */
  async takeSimple(_reader: ByteReader, _session: { hasChunks: boolean }): Promise<void> {}

  /** Takes the payload of a chunk that is no error. @throws PROTOCOL_ERROR */
  async takeChunk({ type }: ChunkHead, _reader: ByteReader): Promise<void> {
    throw protocolError(`a chunk of type ${type} to the request to ${this.#what}`);
  }

  /** Whether all content has come. @throws PROTOCOL_ERROR: not all */
  protected checkComplete(): void {}

  /** The server could not do it. Of several errors the first counts. */
  refuse(errno: number, text: string): void {
    if (errno === 0) throw protocolError(`error number 0 to the request to ${this.#what}`);
    const { code, text: meaning } = meaningOfErrno(errno);
    const why = text === '' ? meaning : text;
    this.#error ??= new TidemarkError(code, `the server could not ${this.#what}: ${why}`, {
      offset: this.offset,
    });
  }

  /** Nothing more comes for this request. @throws PROTOCOL_ERROR: but something should */
  finish(): void {
    if (this.#error !== undefined) {
      this.fail(this.#error);
      return;
    }
    this.checkComplete();
    this.#settle.resolve();
  }

  fail(error: Error): void {
    this.#settle.reject(error);
  }
}
