import { setTimeout as wait } from 'node:timers/promises';
import type { DriveFacts } from '../drive-facts.ts';

const NS_PER_MS = 1_000_000n;
const NS_PER_S = 1_000_000_000n;

/** Milliseconds. Linux before 6.13 takes times from a clock that steps by up to 10 ms. */
const CLOCK_STEP = 20;
/** For file systems that keep whole seconds, or every other one. */
const WHOLE_SECONDS = 2_000;

/** Somebody who goes on writing changes the times anyway. */
const MAX_READS = 3;

export interface SettleClock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<unknown>;
}

const SYSTEM: SettleClock = { now: () => Date.now(), wait: (milliseconds) => wait(milliseconds) };

/**
 * Facts from which the next change is bound to differ: times that are so young that a change right
 * now could get the same ones are waited out.
 */
export async function settledFacts(
  read: () => Promise<DriveFacts>,
  clock: SettleClock = SYSTEM,
): Promise<DriveFacts> {
  let facts = await read();
  for (let reads = 1; reads < MAX_READS; reads++) {
    const rest = unsettledFor(facts, clock.now());
    if (rest === 0) break;
    await clock.wait(rest);
    facts = await read();
  }
  return facts;
}

/** Milliseconds; 0 for times in the future, which somebody has set. */
function unsettledFor(facts: DriveFacts, now: number): number {
  if (facts.kind !== 'file') return 0;
  const { modified, changed } = facts;
  const newest = modified > changed ? modified : changed;
  const age = now - Number(newest / NS_PER_MS);
  const step = changed % NS_PER_S === 0n ? WHOLE_SECONDS : CLOCK_STEP;
  return age >= 0 && age < step ? step - age : 0;
}
