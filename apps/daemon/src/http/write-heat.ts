/** Seconds since counting began, and one more: 0 stands for never. */
export interface HeatClock {
  now: number;
}

const CELLS = 4096;
const SMALLEST_CELL = 65_536;
/** Seconds until a write has faded. */
const FADES = 300;

/**
 * What is written to a drive: how much, and where how recently. It is asked at every write, so it
 * takes no more than some nanoseconds.
 */
export class WriteHeat {
  requests = 0;
  bytes = 0;
  readonly #clock: HeatClock;
  #cells = new Uint32Array(CELLS);
  #cellBytes = 0;
  #cellsPerByte = 0;

  /** `size`: of the drive. */
  constructor(size: number, clock: HeatClock) {
    this.#clock = clock;
    this.fit(size);
  }

  /** A write begins. Bytes. What lies behind the cells is not noted. */
  wrote(offset: number, length: number): void {
    this.requests += 1;
    this.bytes += length;
    const last = Math.floor((offset + length - 1) * this.#cellsPerByte);
    for (let cell = Math.floor(offset * this.#cellsPerByte); cell <= last && cell < CELLS; cell++) {
      this.#cells[cell] = this.#clock.now;
    }
  }

  /** The drive may have another size by now. */
  fit(size: number): void {
    const cellBytes = Math.max(SMALLEST_CELL, 2 ** Math.ceil(Math.log2(Math.max(1, size) / CELLS)));
    if (cellBytes === this.#cellBytes) return;
    const before = this.#cells;
    const ratio = this.#cellBytes / cellBytes;
    this.#cells = new Uint32Array(CELLS);
    for (const [cell, second] of before.entries()) {
      const from = Math.floor(cell * ratio);
      const to = Math.max(from + 1, Math.floor((cell + 1) * ratio));
      for (let at = from; at < to && at < CELLS; at++) {
        this.#cells[at] = Math.max(this.#cells[at]!, second);
      }
    }
    this.#cellBytes = cellBytes;
    this.#cellsPerByte = 1 / cellBytes;
  }

  /** A byte for each cell of a map: 0 never, 255 now, and less the longer ago. */
  shades(ranges: Iterable<{ readonly offset: number; readonly length: number }>): Uint8Array {
    return Uint8Array.from(ranges, ({ offset, length }) => {
      let latest = 0;
      const last = Math.floor((offset + length - 1) * this.#cellsPerByte);
      for (let cell = Math.floor(offset * this.#cellsPerByte); cell <= last; cell++) {
        latest = Math.max(latest, this.#cells[cell] ?? 0);
      }
      return this.#shadeOf(latest);
    });
  }

  #shadeOf(second: number): number {
    if (second === 0) return 0;
    const age = this.#clock.now - second;
    return Math.max(1, Math.round(255 - (254 * age) / FADES));
  }
}
