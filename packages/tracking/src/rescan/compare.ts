import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import { type DigestSource, type Piece, PIECE_SIZE } from './digest-source.ts';
import { cutByTrust } from './trust.ts';

/** Bytes. */
export interface Compared {
  readonly clean: number;
  readonly dirty: number;
  /** Of `clean`, what a trusted bitmap tells. */
  readonly known: number;
}

/** Compares a drive with what it held once. */
export class Comparison {
  readonly #device: BlockDevice;
  readonly #source: DigestSource;
  readonly #differing: DirtyBitmap;
  readonly #toLookAt: DirtyBitmap | undefined;
  /** At least a granule. */
  readonly #stride: number;
  readonly #buffers: Buffer[] = [];

  /**
   * `differing`: is told of each granule that is not as it was. `toLookAt`: where a trusted bitmap does
   * not tell that it is as it was; absent: everywhere.
   */
  constructor(
    device: BlockDevice,
    source: DigestSource,
    differing: DirtyBitmap,
    toLookAt: DirtyBitmap | undefined,
  ) {
    this.#device = device;
    this.#source = source;
    this.#differing = differing;
    this.#toLookAt = toLookAt;
    this.#stride = Math.max(PIECE_SIZE, source.granularity);
  }

  /** Of pieces some may be looked at together. @throws what the device throws */
  async look(piece: Piece): Promise<Compared> {
    let [dirty, known] = [0, 0];
    for (const part of cutByTrust(piece, this.#source, this.#toLookAt)) {
      if (part.isKnown) known += part.length;
      else dirty += await this.#compare(part);
    }
    return { clean: piece.length - dirty, dirty, known };
  }

  /** @returns bytes that are not as they were, in whole granules; so are those of what is below */
  async #compare(piece: Piece): Promise<number> {
    const { digests } = piece;
    if (digests === undefined) return this.#lookForZeros(piece);
    return this.#read(piece, (content, index) => {
      const { digestSize } = this.#source;
      const expected = digests.subarray(index * digestSize, (index + 1) * digestSize);
      return Buffer.compare(this.#source.digest(content), expected) === 0;
    });
  }

  /** Reads only what the device does not know to be zeros. */
  async #lookForZeros({ offset, length }: Piece): Promise<number> {
    const { granularity } = this.#source;
    let dirty = 0;
    let done = offset;
    for await (const extent of this.#device.extents(offset, length)) {
      if (extent.zero) continue;
      const first = Math.floor(extent.offset / granularity) * granularity;
      const end = Math.ceil((extent.offset + extent.length) / granularity) * granularity;
      const stop = Math.min(end, offset + length);
      for (let at = Math.max(done, first); at < stop; at += this.#stride) {
        const part = { offset: at, length: Math.min(this.#stride, stop - at) };
        dirty += await this.#read(part, isZero);
      }
      done = Math.max(done, stop);
    }
    return dirty;
  }

  async #read(
    { offset, length }: Piece,
    isAsBefore: (content: Buffer, index: number) => boolean,
  ): Promise<number> {
    const { granularity } = this.#source;
    const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(this.#stride);
    const bytes = buffer.subarray(0, length);
    await this.#device.read(bytes, offset);
    let dirty = 0;
    for (let at = 0, index = 0; at < length; at += granularity, index++) {
      const content = bytes.subarray(at, at + granularity);
      if (isAsBefore(content, index)) continue;
      this.#differing.set(offset + at, content.length);
      dirty += content.length;
    }
    this.#buffers.push(buffer);
    return dirty;
  }
}

/** A buffer is zeros where it begins with one and each byte is like the one before it. */
function isZero(content: Buffer): boolean {
  const { length } = content;
  return content[0] === 0 && content.subarray(1).equals(content.subarray(0, length - 1));
}
