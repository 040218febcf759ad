import { isInside } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { hasDataFile } from './data-file/data-file.ts';
import { unsupported } from './errors.ts';
import type { ImageState } from './image-state.ts';

/** Which calls an image takes: by what it is, by its size, and until it is closed. */
export class ContentAccess {
  readonly #label: string;
  readonly #state: ImageState;
  #isClosed = false;

  constructor(label: string, state: ImageState) {
    this.#label = label;
    this.#state = state;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Whether `check` would let it pass. */
  allows(offset: number, length: number): boolean {
    if (this.#isClosed || this.#isElsewhere || this.#isEncrypted) return false;
    return isInside(this.#state.header.virtualSize, offset, length);
  }

  /** @throws DEVICE_CLOSED, IMAGE_UNSUPPORTED, OUT_OF_RANGE; RangeError */
  check(offset: number, length: number): void {
    if (this.#isClosed) {
      throw new TidemarkError('DEVICE_CLOSED', 'the image was closed', { where: this.#label });
    }
    if (length > 0) this.#refuseUnreadable();
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
      throw new RangeError(`expected whole bytes, got ${offset} and ${length}`);
    }
    const size = this.#state.header.virtualSize;
    if (isInside(size, offset, length)) return;
    throw new TidemarkError(
      'OUT_OF_RANGE',
      `bytes ${offset} to ${offset + length} are not all on a disk of ${size} bytes`,
      { where: this.#label, offset },
    );
  }

  get #isEncrypted(): boolean {
    return this.#state.header.encryption !== 'none';
  }

  /** In a data file that was not opened. */
  get #isElsewhere(): boolean {
    return hasDataFile(this.#state.header) && !this.#state.data.isExternal;
  }

  #refuseUnreadable(): void {
    if (this.#isEncrypted) {
      const hint = "decrypt it with 'qemu-img convert'";
      throw unsupported(this.#label, 'the content of the image is encrypted', hint);
    }
    if (!this.#isElsewhere) return;
    const hint = 'name its data file, the raw drive, instead';
    throw unsupported(this.#label, 'the content of the image lies in its data file', hint);
  }
}
