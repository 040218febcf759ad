import type { MemoryDevice } from '@tidemark/block';
import {
  type DeviceEvent,
  durableEvents,
  type Keeps,
  powerCut,
  type RecordingDevice,
  replay,
} from '@tidemark/block/testing';
import { randomOf } from './workload.ts';

/** What a disk may hold after the power failed. */
export interface PowerCut {
  readonly bytes: Uint8Array;
  /** How many recorded events were issued. */
  readonly count: number;
  /** For the message of a test that fails. */
  readonly name: string;
}

export interface PowerCutOptions {
  readonly seed: number;
  /** For each prefix, about how many disks that lost some of what was not flushed. Default 0. */
  readonly torn?: number;
  /** One in so many of all these disks. Default: each. */
  readonly every?: number;
}

/**
 * For each prefix of a recording the disk that kept all of it, and disks that kept, of what no
 * flush covers, a random part: whole events, and single sectors of writes.
 */
export async function* powerCuts(
  { base, events }: RecordingDevice,
  { seed, torn = 0, every = 1 }: PowerCutOptions,
): AsyncGenerator<PowerCut> {
  const random = randomOf(seed);
  let settled: Settled = { disk: base, count: 0 };
  let met = 0;
  for (let count = 0; count <= events.length; count++) {
    settled = await settle(settled, events, count);
    const rest = renumbered(events.slice(0, count), settled.count);
    const whole: Keeps = () => true;
    for (const [i, keeps] of [whole, ...tearings(rest, random, torn)].entries()) {
      if (met++ % every > 0) continue;
      const disk = await powerCut(settled.disk, rest, keeps);
      const name = `${count} of ${events.length} events, torn ${i} (seed ${seed})`;
      yield { bytes: await bytesOf(disk), count, name };
    }
  }
}

/** All that can remain, if that is little; else a random choice. */
function tearings(
  events: readonly DeviceEvent[],
  random: (below: number) => number,
  torn: number,
): Keeps[] {
  const durable = durableEvents(events);
  const sectors = events.flatMap((event, index) =>
    event.op === 'write' && !durable.has(index) ? sectorsOf(index, event) : [],
  );
  if (torn === 0 || sectors.length === 0) return [];
  if (sectors.length > 3) return Array.from({ length: torn }, () => tearing(random, random(3)));
  const subsets = Array.from({ length: 2 ** sectors.length - 1 }, (_, i) => i);
  return subsets.map((subset) => {
    const kept = new Set(sectors.filter((__, bit) => (subset & (1 << bit)) !== 0));
    return (index, { op }) => op === 'resize' || ((sector) => kept.has(`${index}/${sector}`));
  });
}

function sectorsOf(index: number, { offset, bytes }: { offset: number; bytes: Uint8Array }) {
  const first = Math.floor(offset / 512);
  const count = Math.ceil((offset + bytes.length) / 512) - first;
  return Array.from({ length: count }, (_, i) => `${index}/${first + i}`);
}

interface Settled {
  readonly disk: MemoryDevice;
  /** Events that are on the disk for good: they need not be replayed for each cut. */
  readonly count: number;
}

async function settle(
  before: Settled,
  events: readonly DeviceEvent[],
  count: number,
): Promise<Settled> {
  const last = events[count - 1];
  if (last?.op !== 'flush' || last.except.size > 0 || last.upTo < count - 1) return before;
  const done = renumbered(events.slice(0, count), before.count);
  return { disk: await replay(before.disk, done), count };
}

/** Events from `first` on, with flushes that count from there. */
function renumbered(events: readonly DeviceEvent[], first: number): DeviceEvent[] {
  return events.slice(first).map((event) => {
    if (event.op !== 'flush') return event;
    const except = new Set([...event.except].map((index) => index - first));
    return { ...event, upTo: event.upTo - first, except };
  });
}

/** A growing file keeps its length: metadata of the file system is not what is at stake here. */
function tearing(random: (below: number) => number, kind: number): Keeps {
  return (_, event) => {
    if (event.op === 'resize') return true;
    if (kind === 0) return random(2) === 0;
    if (kind === 1) return () => random(2) === 0;
    return random(4) > 0 ? random(4) > 0 : () => random(2) === 0;
  };
}

async function bytesOf(device: MemoryDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}
