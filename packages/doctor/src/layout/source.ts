import type { BlockDevice } from '@tidemark/block';

/** Reads an image that may be damaged: what lies behind its end reads as zeros. */
export class Source {
  readonly device: BlockDevice;

  constructor(device: BlockDevice) {
    this.device = device;
  }

  get size(): number {
    return this.device.size;
  }

  async readInto(target: Uint8Array, offset: number): Promise<void> {
    const there = Math.max(0, Math.min(target.length, this.size - offset));
    if (there > 0) await this.device.read(target.subarray(0, there), offset);
    target.fill(0, there);
  }

  /** `length` has to be one that was held to a limit. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.readInto(bytes, offset);
    return bytes;
  }

  /** The range in parts of at most `step` bytes, each valid until the next. */
  async *parts(
    offset: number,
    length: number,
    step: number,
  ): AsyncGenerator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    const buffer = new Uint8Array(Math.min(step, length));
    for (let done = 0; done < length; done += step) {
      const bytes = buffer.subarray(0, Math.min(step, length - done));
      await this.readInto(bytes, offset + done);
      yield { offset: offset + done, bytes };
    }
  }
}
