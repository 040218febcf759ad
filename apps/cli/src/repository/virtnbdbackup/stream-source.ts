import { type BlockExtent, checkRange } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import type { DriveSource } from '@tidemark/repository';
import type { StreamFile, StreamPart } from './stream-file.ts';

/** Bytes. */
const GRANULARITY = 65_536;

/** A disk as streams one above the other tell it: the last one that has a byte tells that. */
export class StreamSource implements DriveSource {
  readonly label: string;
  readonly size: number;
  readonly #streams: readonly StreamFile[];
  /** What is in some stream. */
  readonly #held: DirtyBitmap;

  /** `streams`: from the full one to the one that the disk is of. */
  constructor(streams: readonly StreamFile[]) {
    const top = streams.at(-1)!;
    this.label = `stream '${top.path}'`;
    this.size = top.meta.virtualSize;
    this.#streams = streams;
    this.#held = new DirtyBitmap(this.size, GRANULARITY);
    for (const stream of streams) mark(this.#held, stream);
  }

  /** What the last stream has: all that has changed since the one before. */
  changes(): DirtyBitmap {
    const bits = new DirtyBitmap(this.size, GRANULARITY);
    const top = this.#streams.at(-1)!;
    if (top.meta.incremental) mark(bits, top);
    else bits.setAll();
    return bits;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    checkRange(this, offset, target.length);
    target.fill(0);
    const end = offset + target.length;
    for (const stream of this.#streams) {
      for (let index = firstBehind(stream.parts, offset); ; index++) {
        const part = stream.parts[index];
        if (part === undefined || part.offset >= end) break;
        const from = Math.max(offset, part.offset);
        const to = Math.min(end, part.offset + part.length);
        const bytes = target.subarray(from - offset, to - offset);
        await stream.read(bytes, part.at + from - part.offset);
      }
    }
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    checkRange(this, offset, length);
    for (const run of this.#held.extents(offset, length)) {
      yield { offset: run.offset, length: run.length, zero: !run.dirty, allocated: run.dirty };
    }
  }

  /** It is a file that nobody writes. */
  async flush(): Promise<void> {}
}

/** Parts of a stream below may lie behind the end of a disk that has shrunk since. */
function mark(bits: DirtyBitmap, { parts }: StreamFile): void {
  for (const { offset, length } of parts) {
    const inside = Math.min(length, bits.diskSize - offset);
    if (inside > 0) bits.set(offset, inside);
  }
}

/** Index of the first part that ends behind `offset`. */
function firstBehind(parts: readonly StreamPart[], offset: number): number {
  let [low, high] = [0, parts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { offset: from, length } = parts[middle]!;
    if (from + length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
