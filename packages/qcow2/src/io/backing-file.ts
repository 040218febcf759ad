import type { BlockDevice } from '@tidemark/block';
import { unsupported } from '../errors.ts';

/**
 * What unallocated clusters read as: the backing file, zeros behind its end or without one, or
 * nothing at all where it was not opened.
 */
export class BackingFile {
  readonly #where: string;
  readonly #device: BlockDevice | 'none' | 'not opened';

  constructor(where: string, device: BlockDevice | 'none' | 'not opened') {
    this.#where = where;
    this.#device = device;
  }

  /** Bytes that may be other than zeros. */
  get size(): number {
    if (this.#device === 'none') return 0;
    return this.#device === 'not opened' ? Number.MAX_SAFE_INTEGER : this.#device.size;
  }

  get device(): BlockDevice | undefined {
    return typeof this.#device === 'string' ? undefined : this.#device;
  }

  /** @throws IMAGE_UNSUPPORTED when the image was opened without its backing file */
  async read(target: Uint8Array, offset: number): Promise<void> {
    const inside = Math.max(0, Math.min(target.length, this.size - offset));
    target.fill(0, inside);
    if (inside > 0) await this.opened.read(target.subarray(0, inside), offset);
  }

  /** Where there is one. @throws IMAGE_UNSUPPORTED when the image was opened without it */
  get opened(): BlockDevice {
    if (this.device !== undefined) return this.device;
    throw unsupported(
      this.#where,
      'the content is in the backing file, which was not opened',
      'open the image with its backing file',
    );
  }

  async close(): Promise<void> {
    await this.device?.close();
  }
}
