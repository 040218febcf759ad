import { TidemarkError } from '@tidemark/core';
import { MAX_REQUESTS_IN_FLIGHT } from '../protocol/limits.ts';
import { Command } from '../protocol/transmission.ts';
import type { NbdRequest } from './encode-request.ts';
import type { Link } from './link/link.ts';
import type { BlockSize } from './negotiate/block-size.ts';
import { alignDown, alignUp, type Piece, type ReadPiece, split, splitRead } from './pieces.ts';
import { ReadReply } from './replies/read-reply.ts';
import { Reply } from './replies/reply.ts';
import { runPieces } from './running.ts';

/** Bytes of zeros or of trim at once; a multiple of every block size. */
const MAX_EFFECT = 1024 ** 3;

const MAX_ZERO_BYTES = 1024 * 1024;

const NAMES = new Map<number, string>([
  [Command.TRIM, 'discard'],
  [Command.WRITE_ZEROES, 'zero'],
]);

/** Ranges of any length as requests that the server takes. Ranges are on the device. */
export class Requests {
  readonly #link: Link;
  readonly #blockSize: BlockSize;

  constructor(link: Link, blockSize: BlockSize) {
    this.#link = link;
    this.#blockSize = blockSize;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    const pieces = splitRead(offset, target.length, this.#blockSize);
    await runPieces(pieces, MAX_REQUESTS_IN_FLIGHT, (piece) => {
      const at = piece.wanted.offset - offset;
      return this.#readPiece(piece, target.subarray(at, at + piece.wanted.length));
    });
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#checkAligned(offset, source.length);
    const pieces = split(offset, source.length, this.#blockSize.maximum);
    await runPieces(pieces, MAX_REQUESTS_IN_FLIGHT, (piece) => {
      const at = piece.offset - offset;
      return this.#writePiece(piece, source.subarray(at, at + piece.length));
    });
  }

  /** For servers that have no command for zeros. */
  async writeZeroBytes(offset: number, length: number): Promise<void> {
    this.#checkAligned(offset, length);
    const zeros = new Uint8Array(Math.min(MAX_ZERO_BYTES, this.#blockSize.maximum, length));
    const pieces = split(offset, length, zeros.length);
    await runPieces(pieces, MAX_REQUESTS_IN_FLIGHT, (piece) =>
      this.#writePiece(piece, zeros.subarray(0, piece.length)),
    );
  }

  /** A request that names bytes without carrying any. */
  async effect(
    request: Pick<NbdRequest, 'type' | 'flags'>,
    offset: number,
    length: number,
  ): Promise<void> {
    this.#checkAligned(offset, length);
    const pieces = split(offset, length, MAX_EFFECT);
    await runPieces(pieces, MAX_REQUESTS_IN_FLIGHT, async (piece) => {
      const what = `${NAMES.get(request.type)} ${piece.length} bytes at ${piece.offset}`;
      await this.#link.request(() => ({
        request: { ...request, ...piece },
        reply: new Reply(what, piece.offset),
      }));
    });
  }

  /** A hint, so blocks that are only touched are left alone. */
  async discard(offset: number, length: number): Promise<void> {
    const start = alignUp(offset, this.#blockSize.minimum);
    const end = alignDown(offset + length, this.#blockSize.minimum);
    if (end > start) await this.effect({ type: Command.TRIM }, start, end - start);
  }

  async flush(): Promise<void> {
    await this.#link.request(() => ({
      request: { type: Command.FLUSH },
      reply: new Reply('flush'),
    }));
  }

  async #readPiece({ offset, length, wanted }: ReadPiece, target: Uint8Array): Promise<void> {
    const isWhole = target.length === length;
    const bytes = isWhole ? target : new Uint8Array(length);
    await this.#link.request(() => ({
      request: { type: Command.READ, offset, length },
      reply: new ReadReply(bytes, offset),
    }));
    if (!isWhole) target.set(bytes.subarray(wanted.offset - offset).subarray(0, wanted.length));
  }

  async #writePiece({ offset, length }: Piece, payload: Uint8Array): Promise<void> {
    const what = `write ${length} bytes at ${offset}`;
    await this.#link.request(() => ({
      request: { type: Command.WRITE, offset, length, payload },
      reply: new Reply(what, offset),
    }));
  }

  /** @throws DEVICE_UNSUPPORTED */
  #checkAligned(offset: number, length: number): void {
    const { minimum } = this.#blockSize;
    if (length === 0 || (offset % minimum === 0 && length % minimum === 0)) return;
    const { label } = this.#link;
    throw new TidemarkError(
      'DEVICE_UNSUPPORTED',
      `${label} takes whole blocks of ${minimum} bytes only, not ${length} bytes at ${offset}`,
      { where: label, offset, hint: `write multiples of ${minimum} bytes at multiples of it` },
    );
  }
}
