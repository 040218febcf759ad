import { expect, it } from 'vitest';
import { Offers } from '../src/make/hashing/offers.ts';
import { hashOffers, shareOffers, type Words } from '../src/make/hashing/shared-offers.ts';

const GRANULE = 4;
/** Of all schedules one in so many is tried. */
const STRIDE = Number(process.env['SCHEDULES_STRIDE'] ?? 7);

/** Who has made a digest: its last byte. */
const THIS = 1;
const OTHER = 2;

/** A content is its own digest, so that a wrong one shows. */
function digestOf(content: Uint8Array, who: number): Uint8Array {
  const digest = new Uint8Array(32);
  digest.set(content);
  digest[31] = who;
  return digest;
}

/** Before step `at` of this thread, the other one takes so many. */
interface Switch {
  readonly at: number;
  readonly steps: number;
}

/**
 * Both threads in one, whose steps take turns as the switches say; what is not named there the other thread does not do.
 * A step is one look at, or change of, what both share.
 */
class TwoThreads {
  readonly #shared = shareOffers(4, 4 * GRANULE);
  readonly #other = hashOffers(this.#shared, (content) => digestOf(content, OTHER));
  readonly #switches: readonly Switch[];
  readonly offers: Offers;
  #step = 0;
  /** Digests that the other thread has found. */
  byOther = 0;
  /** Digests that were right, of four. */
  right = 0;

  constructor(switches: readonly Switch[]) {
    this.#switches = switches;
    const atomics: Words = {
      load: (...args) => this.#now(() => Atomics.load(...args)),
      store: (...args) => this.#now(() => Atomics.store(...args)),
      exchange: (...args) => this.#now(() => Atomics.exchange(...args)),
      compareExchange: (...args) => this.#now(() => Atomics.compareExchange(...args)),
    };
    this.offers = new Offers(this.#shared, (content) => digestOf(content, THIS), atomics);
  }

  /** What this thread has done. */
  get steps(): number {
    return this.#step;
  }

  #now<T>(action: () => T): T {
    const { steps = 0 } = this.#switches.find(({ at }) => at === this.#step) ?? {};
    this.#step += 1;
    for (let done = 0; done < steps; done++) this.#other.next();
    return action();
  }

  /** New content for a slot. */
  fill(slot: number, value: number): void {
    this.#now(() => this.#shared.bytes.fill(value, slot * GRANULE, (slot + 1) * GRANULE));
  }

  offer(slot: number): void {
    this.offers.offer(slot, slot * GRANULE, GRANULE);
  }

  /** @returns the content whose digest it is; NaN: none that was ever there */
  take(slot: number): number {
    const digest = this.offers.take(slot);
    if (digest.at(-1) === OTHER) this.byOther += 1;
    const isWhole = digest.subarray(0, GRANULE).every((byte) => byte === digest[0]);
    return isWhole ? digest[0]! : Number.NaN;
  }
}

/** Contents come and go in two slots, of which one is not always asked for. */
function run(switches: readonly Switch[], helps: boolean): TwoThreads {
  const threads = new TwoThreads(switches);
  for (const value of [1, 3]) {
    threads.fill(0, value);
    threads.fill(1, value + 1);
    threads.offer(0);
    threads.offer(1);
    threads.offers.publish();
    if (helps) threads.offers.hashOne();
    threads.right += threads.take(0) === value ? 1 : 0;
    threads.fill(0, 9);
    threads.right += threads.take(1) === value + 1 ? 1 : 0;
  }
  return threads;
}

/** Steps of the other thread in all: it hashes what is offered, and what is offered next. */
const LONGEST = 24;

/** Three places at which the other thread comes in between, and how long it stays. */
function* schedules(steps: number): Generator<readonly Switch[]> {
  let count = 0;
  for (let first = 0; first < steps; first++) {
    for (let second = first + 1; second < steps; second++) {
      for (let third = second + 1; third < steps; third++) {
        for (let a = 1; a < LONGEST; a++) {
          for (let b = 1; a + b < LONGEST; b++) {
            count += 1;
            if (count % STRIDE !== 0) continue;
            yield [
              { at: first, steps: a },
              { at: second, steps: b },
              { at: third, steps: LONGEST - a - b },
            ];
          }
        }
      }
    }
  }
}

it.each([false, true])(
  'a digest is of what was offered, whenever the other thread comes in between (this one helps: %s)',
  (helps) => {
    const { steps } = run([], helps);
    let runs = 0;
    let byOther = 0;
    const wrong: (readonly Switch[])[] = [];
    for (const switches of schedules(steps)) {
      const threads = run(switches, helps);
      runs += 1;
      byOther += threads.byOther;
      if (threads.right < 4) wrong.push(switches);
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(runs).toBeGreaterThan(10_000);
    expect(byOther).toBeGreaterThan(runs / 20);
  },
  1_200_000 / STRIDE,
);
