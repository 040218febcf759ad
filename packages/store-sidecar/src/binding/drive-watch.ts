import type { DriveFacts, FactsOptions } from '@tidemark/block';
import { whyAnother, whyChanged } from './compare-facts.ts';
import type { Lease } from './lease.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import { timeOf } from './times.ts';

const NS_PER_MS = 1_000_000n;

/** Somebody else has written the drive. */
export interface Foreign {
  readonly why: Mismatch;
  /** Facts as they would be without that. */
  readonly expected: DriveFacts;
}

export interface Sight {
  readonly facts: DriveFacts | undefined;
  readonly foreign?: Foreign | undefined;
}

/** Facts that were seen while nothing of ours was under way, and how many writes had begun by then. */
interface Seen {
  readonly facts: DriveFacts;
  readonly begun: number;
}

/**
 * A trip wire: while bitmaps are live, the drive is what our own writes have made of it. That can be
 * told in moments when none of them is under way.
 */
export class DriveWatch {
  readonly #lease: Lease;
  readonly #read: (options: FactsOptions) => Promise<DriveFacts | undefined>;
  #isOn = false;
  #last: Seen | undefined;

  constructor(lease: Lease, read: (options: FactsOptions) => Promise<DriveFacts | undefined>) {
    this.#lease = lease;
    this.#read = read;
  }

  /** From what was seen last. All writes are told to the lease. */
  start(): void {
    this.#isOn = true;
  }

  stop(): void {
    this.#isOn = false;
  }

  /** We have given the drive another size, in bytes. */
  resized(size: number): void {
    if (this.#last === undefined) return;
    this.#last = { ...this.#last, facts: { ...this.#last.facts, size } };
  }

  async look(options: FactsOptions): Promise<Sight> {
    const { begun, isQuiet } = this.#lease;
    const facts = await this.#read(options);
    if (facts === undefined || !isQuiet || this.#lease.begun !== begun) return { facts };
    // Without a sync a block device has not counted yet what was written to it.
    if (facts.kind === 'block device' && options.durable !== true) return { facts };
    const foreign = this.#isOn ? this.#foreignIn({ facts, begun }) : undefined;
    if (foreign === undefined) this.#last = { facts, begun };
    return { facts, foreign };
  }

  #foreignIn({ facts, begun }: Seen): Foreign | undefined {
    const last = this.#last;
    if (last !== undefined) {
      const isUntouched = last.begun === begun;
      const compare = isUntouched ? whyChanged : whyAnother;
      const why = compare(last.facts, facts);
      if (why !== undefined) return { why, expected: last.facts };
      if (isUntouched) return undefined;
    }
    return begun === 0 ? undefined : this.#laterThanOurs(facts);
  }

  /** Our last write has the last time there is. */
  #laterThanOurs(facts: DriveFacts): Foreign | undefined {
    if (facts.kind !== 'file') return undefined;
    // It ended within this millisecond.
    const end = BigInt(this.#lease.lastActive + 1) * NS_PER_MS - 1n;
    const { modified, changed } = facts;
    if (modified <= end && changed <= end) return undefined;
    const expected = { ...facts, modified: earlier(modified, end), changed: earlier(changed, end) };
    const why = whyChanged(expected, facts);
    return why && { why: whileOpen(why, modified, end), expected };
  }
}

function whileOpen(why: Mismatch, modified: bigint, end: bigint): Mismatch {
  if (why.rule !== 'mtime') return why;
  const times = `last at ${timeOf(modified)}, by us before ${timeOf(end)}`;
  return mismatch('mtime', `the drive was written behind its bitmaps: ${times}`);
}

const earlier = (a: bigint, b: bigint) => (a < b ? a : b);

/** The facts of a file with times that are no later than those of others. */
export function noLater(noted: DriveFacts, other: DriveFacts | undefined): DriveFacts {
  if (noted.kind !== 'file' || other?.kind !== 'file') return noted;
  const modified = earlier(noted.modified, other.modified);
  return { ...noted, modified, changed: earlier(noted.changed, other.changed) };
}
