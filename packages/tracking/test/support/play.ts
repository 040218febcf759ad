import type { Fault, Keeps } from '@tidemark/block/testing';
import type { MakePlace, Place } from './places.ts';
import { type Moment, Session, type SessionOptions, type Step } from './session.ts';
import { START } from './steps.ts';

export interface Played {
  readonly place: Place;
  readonly session: Session;
}

/** A drive that has been taken through the steps and is still open. */
export async function play(
  makePlace: MakePlace,
  all: readonly Step[],
  { faults = [], ...options }: { readonly faults?: readonly Fault[] } & SessionOptions = {},
): Promise<Played> {
  const place = await makePlace(faults);
  const session = new Session(place, { mayFail: faults.length > 0, ...options });
  await session.open();
  for (const one of [START, ...all]) await session.take(one);
  return { place, session };
}

/** The moments that a power cut after so many events of a file falls between. */
export function around(moments: readonly Moment[], file: number, at: number): readonly Moment[] {
  const first = moments.findLastIndex(({ events }) => events[file]! <= at);
  const last = moments.findIndex(({ events }) => events[file]! >= at);
  return moments.slice(Math.min(first, last), Math.max(first, last) + 1);
}

/** What a disk has of that which no flush covers: all, nothing, some writes, or parts of them. */
export const LOSSES: Readonly<Record<string, (seed: number) => Keeps>> = {
  nothing: () => () => true,
  'all that was not flushed': () => () => false,
  'some writes': (seed) => (event) => chance(seed, event),
  'parts of writes': (seed) => (event) => (sector) => chance(seed, event * 1000 + sector),
};

function chance(seed: number, of: number): boolean {
  return (Math.imul(of + 1, seed | 1) & 4096) === 0;
}
