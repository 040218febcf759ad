import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import {
  type DeviceEvent,
  durableEvents,
  type Keeps,
  powerCut,
  RecordingDevice,
  replay,
} from '@tidemark/block/testing';
import type { Random } from './random.ts';
import { SlowDisk } from './slow-disk.ts';

/** What a power cut may leave of that which no flush covers. */
const LOSSES: readonly ((random: Random, count: number) => Keeps)[] = [
  () => () => false,
  () => () => true,
  (random, count) => {
    const end = random.int(count + 1);
    return (index) => index < end;
  },
  (random, count) => {
    const lost = random.int(count + 1);
    return (index) => index !== lost;
  },
  (random, count) => {
    const kept = random.int(count + 1);
    return (index) => index === kept;
  },
  (random) => () => random.chance(50),
  (random) => () => () => random.chance(50),
];

/** A disk with a volatile cache, of which power cuts can be had at every moment. */
export class CrashDisk {
  readonly #random: Random;
  readonly #slow: SlowDisk;
  readonly #recorder: RecordingDevice;
  /** The disk after the first events, all of them durable; and how many those are. */
  #base: MemoryDevice;
  #folded = 0;

  constructor(content: MemoryDevice, base: MemoryDevice, random: Random) {
    this.#random = random;
    this.#slow = new SlowDisk(content, random);
    this.#recorder = new RecordingDevice(this.#slow, { base });
    this.#base = base;
  }

  /** Changes made so far. */
  get eventCount(): number {
    return this.#recorder.events.length;
  }

  /** The disk for one process. `kill` ends what it can still do. */
  session(): { readonly device: BlockDevice; readonly kill: () => Promise<void> } {
    let isDead = false;
    const device = new Proxy<BlockDevice>(this.#recorder, {
      get(target, key) {
        if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        // What a dead process asks for is never answered.
        return (...args: unknown[]) =>
          isDead ? new Promise(() => {}) : (Reflect.apply(value, target, args) as unknown);
      },
    });
    return {
      device,
      kill: async () => {
        isDead = true;
        await this.#slow.idle();
      },
    };
  }

  /** The disk after a power cut now. */
  async cut(): Promise<MemoryDevice> {
    await this.#fold();
    const events = this.#pending();
    const keeps = this.#random.pick(LOSSES)(this.#random, events.length);
    return powerCut(this.#base, events, keeps);
  }

  async #fold(): Promise<void> {
    const events = this.#pending();
    const durable = durableEvents(events);
    let count = 0;
    while (count < events.length && (durable.has(count) || events[count]!.op === 'flush')) count++;
    // A flush tells of what came before it, so those that cover later events have to stay.
    const isSafe = events.slice(0, count).every((it) => it.op !== 'flush' || it.upTo <= count);
    if (count < 32 || !isSafe) return;
    this.#base = await replay(this.#base, events.slice(0, count));
    this.#folded += count;
  }

  /** Events behind the base, which count from there. */
  #pending(): readonly DeviceEvent[] {
    const from = this.#folded;
    return this.#recorder.events.slice(from).map((event) => {
      if (event.op !== 'flush') return event;
      const except = new Set([...event.except].map((index) => index - from));
      return { ...event, upTo: event.upTo - from, except };
    });
  }
}

/** A new disk that holds what another one does, all of it durable. */
export async function diskHolding(content: MemoryDevice, random: Random): Promise<CrashDisk> {
  return new CrashDisk(content, await replay(content, []), random);
}
