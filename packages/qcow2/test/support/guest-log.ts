import type { RecordingDevice } from '@tidemark/block/testing';
import type { Qcow2Image } from '../../src/index.ts';
import { randomOf } from './workload.ts';

const SECTOR = 512;

/** One value for all of a sector. */
interface Change {
  /** Events that were recorded when it was issued. */
  readonly issuedAt: number;
  readonly first: number;
  readonly last: number;
  readonly value: number;
}

/** A guest that writes whole sectors and flushes, and knows what may be there after a power cut. */
export class GuestLog {
  readonly #image: Qcow2Image;
  readonly #device: RecordingDevice;
  readonly #random: (below: number) => number;
  readonly #changes: Change[] = [];
  /** After how many events and changes a flush had returned. */
  readonly #flushes: { readonly returnedAt: number; readonly changes: number }[] = [];

  constructor(image: Qcow2Image, device: RecordingDevice, seed: number) {
    this.#image = image;
    this.#device = device;
    this.#random = randomOf(seed);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const isFlush = this.#random(6) === 0;
      await (isFlush ? this.#flush() : this.#changeSome());
    }
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const changes = this.#changes.length;
    await this.#image.flush();
    this.#flushes.push({ returnedAt: this.#device.events.length, changes });
  }

  /** Up to three calls at a time, on parts of the disk that do not overlap. */
  async #changeSome(): Promise<void> {
    const sectors = this.#image.size / SECTOR;
    const calls = 1 + this.#random(3);
    const share = Math.floor(sectors / calls);
    const running: Promise<void>[] = [];
    for (let i = 0; i < calls; i++) {
      const first = i * share + this.#random(share);
      const count = 1 + this.#random(Math.min(40, (i + 1) * share - first));
      running.push(this.#change(first, count));
    }
    await Promise.all(running);
  }

  #change(first: number, count: number): Promise<void> {
    const kind = this.#random(8);
    const value = kind < 2 ? 0 : 1 + this.#random(255);
    const issuedAt = this.#device.events.length;
    this.#changes.push({ issuedAt, first, last: first + count - 1, value });
    const [offset, length] = [first * SECTOR, count * SECTOR];
    const unmap = kind === 0;
    if (value === 0) return this.#image.writeZeroes(offset, length, { unmap });
    const bytes = new Uint8Array(length).fill(value);
    const isDone = kind % 2 === 0 && this.#image.writeNow(bytes, offset);
    return isDone ? Promise.resolve() : this.#image.write(bytes, offset);
  }

  /** Sectors of `content` that hold neither what was flushed nor anything written later. */
  lostAt(count: number, content: Uint8Array): string[] {
    const flushed = this.#flushes.findLast(({ returnedAt }) => returnedAt <= count)?.changes ?? 0;
    const allowed = Array.from({ length: content.length / SECTOR }, () => new Set([0]));
    for (const [i, { issuedAt, first, last, value }] of this.#changes.entries()) {
      if (issuedAt > count) break;
      for (let sector = first; sector <= last; sector++) {
        if (i < flushed) allowed[sector] = new Set([value]);
        else allowed[sector]!.add(value);
      }
    }
    return allowed.flatMap((values, sector) => {
      const found = content.subarray(sector * SECTOR, (sector + 1) * SECTOR);
      const isWhole = Buffer.compare(found.subarray(1), found.subarray(0, -1)) === 0;
      if (isWhole && values.has(found[0]!)) return [];
      return [`sector ${sector}: ${found[0]}, not one of ${[...values].join(' ')}`];
    });
  }
}
