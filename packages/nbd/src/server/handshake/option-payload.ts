import { MAX_STRING_BYTES } from '../../protocol/limits.ts';
import { invalidOption, optionName } from './option-refused.ts';

/** Takes an option's payload apart. @throws OptionRefused with QEMU's texts */
export class OptionPayload {
  readonly #option: number;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(option: number, bytes: Buffer) {
    this.#option = option;
    this.#bytes = bytes;
  }

  u16(): number {
    return this.#take(2).readUInt16BE();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** The name of an export, behind its length. */
  exportName(): Buffer {
    const length = this.u32();
    if (length > MAX_STRING_BYTES) throw invalidOption(`Invalid name length: ${length}`);
    return this.#take(length);
  }

  /** A query behind its length; undefined for one that is too long to be the name of anything. */
  query(): string | undefined {
    const length = this.u32();
    const bytes = this.#take(length);
    return length > MAX_STRING_BYTES ? undefined : bytes.toString();
  }

  end(): void {
    if (this.#at < this.#bytes.length) {
      throw invalidOption(`option '${optionName(this.#option)}' has unexpected length`);
    }
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) {
      throw invalidOption(`Inconsistent lengths in option ${optionName(this.#option)}`);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
