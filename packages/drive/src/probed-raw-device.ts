import { ForwardingDevice, type WriteZeroesOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { formatOfStart, PROBED_BYTES } from './probe.ts';

/**
 * A raw disk whose format was guessed. Whoever writes it must not make its start that of an image: it
 * would be opened as one the next time, and an image names other files of this machine. Such writes
 * fail with PERMISSION_DENIED, and change nothing.
 */
export class ProbedRawDevice extends ForwardingDevice {
  /** The last change of the start: one is made after the other, or two halves could make a whole. */
  #last: Promise<unknown> = Promise.resolve();

  override async write(source: Uint8Array, offset: number): Promise<void> {
    const write = () => this.below.write(source, offset);
    if (!this.#isAtStart(offset)) return write();
    return this.#change(write, (start) => {
      start.set(source.subarray(0, start.length - offset), offset);
    });
  }

  override writeNow(source: Uint8Array, offset: number): boolean {
    if (this.#isAtStart(offset)) return false;
    return super.writeNow(source, offset);
  }

  override async writeZeroes(
    offset: number,
    length: number,
    options?: WriteZeroesOptions,
  ): Promise<void> {
    return this.#zero(offset, length, () => this.below.writeZeroes(offset, length, options));
  }

  override async discard(offset: number, length: number): Promise<void> {
    return this.#zero(offset, length, () => this.below.discard(offset, length));
  }

  /** What is no place of the disk at all is left to the device to refuse. */
  #isAtStart(offset: number): boolean {
    return offset >= 0 && offset < Math.min(PROBED_BYTES, this.size);
  }

  #zero(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    if (!this.#isAtStart(offset)) return change();
    // Zeros may complete a signature, too: one ends with a zero.
    return this.#change(change, (start) => start.fill(0, offset, offset + length));
  }

  #change(change: () => Promise<void>, apply: (start: Uint8Array) => void): Promise<void> {
    const turn = this.#changeAfter(this.#last, change, apply);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #changeAfter(
    last: Promise<unknown>,
    change: () => Promise<void>,
    apply: (start: Uint8Array) => void,
  ): Promise<void> {
    await last;
    const start = new Uint8Array(Math.min(PROBED_BYTES, this.size));
    await this.below.read(start, 0);
    apply(start);
    const format = formatOfStart(start);
    if (format !== undefined) throw looksLike(format, this.label);
    await change();
  }
}

function looksLike(format: string, label: string): TidemarkError {
  return new TidemarkError('PERMISSION_DENIED', `${label} would begin like a ${format} image`, {
    hint: 'say that its format is raw, and nobody will take it for anything else',
  });
}
