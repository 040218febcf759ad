import { isTidemarkError } from '@tidemark/core';
import type { Picture } from './claims.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import { AREA, AREAS, GRANULE, GRANULES } from './setting.ts';

const MAX_WRITES = 4;

/** Writes of random granules. */
export class Workload {
  /** What the drive held at some time: now and then it is written back. */
  point: Picture = new Map();
  readonly #random: Random;
  readonly #nearness: number;
  #stamp = 0;

  /** `nearness`: percent of writes that go to `AREAS`. */
  constructor(random: Random, nearness: number) {
    this.#random = random;
    this.#nearness = nearness;
  }

  /** Undefined where it would overlap another one: of two writes to one place either may win. */
  next(process: Process): (() => Promise<void>) | undefined {
    if (process.asked.size >= MAX_WRITES * 3) return undefined;
    const count = 1 + this.#random.int(3);
    // Near each other, so that regions and clusters are met again; far apart now and then.
    const size = process.drive.device.size / GRANULE;
    const area = this.#random.pick([0, ...AREAS, ...(size > GRANULES ? [GRANULES] : [])]);
    const isNear = this.#random.chance(this.#nearness);
    const first = area + this.#random.int((isNear ? AREA : size - area) - 2);
    if (first + count > size) return undefined;
    const granules = Array.from({ length: count }, (_, i) => first + i);
    if (granules.some((granule) => process.asked.has(granule))) return undefined;
    const isZero = this.#random.chance(15);
    return async () => {
      for (const granule of granules) process.asked.add(granule);
      const { device } = process.drive;
      try {
        if (isZero) await device.writeZeroes(first * GRANULE, count * GRANULE);
        else await device.write(this.#bytes(granules), first * GRANULE);
      } catch (error) {
        // It waited for a resize, and lies behind the end now.
        const isCutOff = first * GRANULE + count * GRANULE > device.size;
        if (!isCutOff || !isTidemarkError(error, 'OUT_OF_RANGE')) throw error;
      } finally {
        for (const granule of granules) process.asked.delete(granule);
      }
    };
  }

  /** A number that nothing held before, or what was there at the point, so that it is equal again. */
  #bytes(granules: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(granules.length * GRANULE);
    const view = new DataView(bytes.buffer);
    const isBack = this.#random.chance(15);
    this.#stamp += 1;
    for (const [i, granule] of granules.entries()) {
      view.setUint32(i * GRANULE, isBack ? (this.point.get(granule) ?? 0) : this.#stamp);
    }
    return bytes;
  }
}
