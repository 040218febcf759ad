import type { ImgHost } from '../host.ts';
import { twoDecimals } from './two-decimals.ts';

/** Less than this is not shown anew. */
const STEP = 0.01;

/** How far a command is, on one line that is written over, as qemu-img shows it. */
export class Progress {
  readonly #host: ImgHost;
  readonly #isShown: boolean;
  #last = -1;

  constructor(host: ImgHost, isShown: boolean) {
    this.#host = host;
    this.#isShown = isShown;
    this.show(0);
  }

  /** `part` of 1. */
  show(part: number): void {
    if (!this.#isShown || (part - this.#last < STEP && part < 1)) return;
    this.#last = part;
    this.#host.out(`    (${twoDecimals(part * 100)}/100%)\r`);
  }

  end(): void {
    if (this.#isShown) this.#host.out('\n');
  }
}
