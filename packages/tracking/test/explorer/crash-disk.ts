import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import {
  type DeviceEvent,
  type DeviceOperation,
  type Fault,
  FaultDevice,
  RecordingDevice,
} from '@tidemark/block/testing';
import { chooseLoss, type Loss } from './losses.ts';
import type { Random } from './random.ts';
import { SECTOR, type Sector, sectorOf, Sectors } from './sectors.ts';
import { SlowDisk } from './slow-disk.ts';

/** Durable changes before they are put under those that are not. */
const FOLD_AT = 32;

/** What goes wrong with a file, for one process. */
export interface FilePlan {
  readonly faults: readonly Fault[];
  /** What a sync that fails should have written is never written: a later sync says nothing of it. */
  readonly losesCache?: boolean;
  /** Told of each call, for a loop over them. */
  readonly onCall?: (operation: DeviceOperation) => void;
}

interface Pending {
  readonly event: Exclude<DeviceEvent, { op: 'flush' }>;
  isDurable: boolean;
  /** A sync that failed has dropped it. */
  isLost: boolean;
  /** Of a write of whole sectors. */
  readonly sectors: readonly Sector[] | undefined;
}

/** A disk with a volatile cache, of which power cuts can be had at every moment. */
export class CrashDisk {
  readonly #random: Random;
  readonly #slow: SlowDisk;
  readonly #recorder: RecordingDevice;
  /** The disk after the first changes, all of them durable. */
  readonly #base: Sectors;
  /** Changes behind the base, by their number among all events. */
  readonly #pending = new Map<number, Pending>();
  /** Events that were looked at. */
  #seen = 0;

  constructor(content: MemoryDevice, base: Sectors, random: Random) {
    this.#random = random;
    this.#slow = new SlowDisk(content, random);
    this.#recorder = new RecordingDevice(this.#slow, { base: content });
    this.#base = base;
  }

  /** The disk for one process. `kill` ends what it can still do. */
  session(plan?: FilePlan): { readonly device: BlockDevice; readonly kill: () => Promise<void> } {
    let isDead = false;
    const inner = plan === undefined ? this.#recorder : this.#faulty(plan);
    const device = new Proxy<BlockDevice>(inner, {
      get(target, key) {
        if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        // What a dead process asks for is never answered.
        return (...args: unknown[]) => {
          if (isDead && key === 'readBlocking') return false;
          if (isDead) return key === 'extents' ? nothing() : new Promise(() => {});
          return Reflect.apply(value, target, args) as unknown;
        };
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

  /** The disk after a power cut now. Good until the next one is asked for. */
  cut(): Sectors {
    return this.#after((count) => chooseLoss(this.#random, count));
  }

  /** The disk after a power cut that loses all that can be lost. */
  durable(): Sectors {
    return this.#after(() => () => false);
  }

  #after(choose: (count: number) => Loss): Sectors {
    this.#catchUp();
    this.#fold();
    const disk = new Sectors(this.#base);
    const open = [...this.#pending.values()];
    const loose = open.filter(({ isDurable }) => !isDurable);
    const keeps = choose(loose.length);
    let number = 0;
    for (const change of open) {
      const kept = change.isDurable ? true : keeps(number++);
      if (kept !== false) apply(disk, change, kept);
    }
    return disk;
  }

  #faulty({ faults, losesCache = false, onCall = () => {} }: FilePlan): BlockDevice {
    const faulty = new FaultDevice(this.#recorder, faults);
    return new Proxy<BlockDevice>(faulty, {
      get: (target, key): unknown => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (key === 'extents') return value.bind(target);
        if (key === 'readBlocking') {
          return (...args: unknown[]) => {
            onCall('read');
            return Reflect.apply(value, target, args) as unknown;
          };
        }
        return async (...args: unknown[]) => {
          onCall(key as DeviceOperation);
          try {
            return (await Reflect.apply(value, target, args)) as unknown;
          } catch (error) {
            if (key === 'flush' && losesCache) this.#loseCache();
            throw error;
          }
        };
      },
    });
  }

  #loseCache(): void {
    this.#catchUp();
    for (const change of this.#pending.values()) if (!change.isDurable) change.isLost = true;
  }

  #catchUp(): void {
    const { events } = this.#recorder;
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen]!;
      if (event.op !== 'flush') {
        const sectors = event.op === 'write' ? wholeSectors(event) : undefined;
        this.#pending.set(this.#seen, { event, isDurable: false, isLost: false, sectors });
        continue;
      }
      for (const [index, change] of this.#pending) {
        const isCovered = index < event.upTo && !event.except.has(index);
        if (isCovered && !change.isLost) change.isDurable = true;
      }
    }
  }

  #fold(): void {
    if (this.#pending.size < FOLD_AT) return;
    for (const [index, change] of this.#pending) {
      if (!change.isDurable) return;
      apply(this.#base, change, true);
      this.#pending.delete(index);
    }
  }
}

/** Not even an end. */
async function* nothing(): AsyncGenerator<never> {
  yield await new Promise<never>(() => {});
}

/** A new disk that holds what another one does, all of it durable. */
export async function diskHolding(content: MemoryDevice, random: Random): Promise<CrashDisk> {
  return new CrashDisk(content, await sectorsOf(content), random);
}

/** What was left of a disk, as a new one. */
export async function memoryOf(sectors: Sectors): Promise<MemoryDevice> {
  const memory = new MemoryDevice({ size: sectors.size });
  const bytes = sectors.bytes();
  await memory.write(bytes, 0);
  return memory;
}

async function sectorsOf(content: MemoryDevice): Promise<Sectors> {
  const sectors = new Sectors({ size: content.size });
  for await (const { offset, length, zero } of content.extents(0, content.size)) {
    if (zero) continue;
    const bytes = new Uint8Array(length);
    await content.read(bytes, offset);
    apply(sectors, { event: { op: 'write', offset, bytes }, sectors: undefined }, true);
  }
  return sectors;
}

function wholeSectors({ offset, bytes }: { offset: number; bytes: Uint8Array }) {
  if (offset % SECTOR !== 0 || bytes.length % SECTOR !== 0) return undefined;
  const count = bytes.length / SECTOR;
  return Array.from({ length: count }, (_, i) =>
    sectorOf(bytes.slice(i * SECTOR, (i + 1) * SECTOR)),
  );
}

function apply(
  disk: Sectors,
  { event, sectors }: Pick<Pending, 'event' | 'sectors'>,
  kept: Exclude<ReturnType<Loss>, false>,
): void {
  if (event.op === 'resize') return disk.resize(event.size);
  const length = event.op === 'write' ? event.bytes.length : event.length;
  // Bytes that were dropped with a resize that was not kept have no place to go.
  const end = Math.min(event.offset + length, disk.size);
  for (let at = event.offset; at < end;) {
    const index = Math.floor(at / SECTOR);
    const next = Math.min(end, (index + 1) * SECTOR);
    if (kept === true || kept(index)) {
      const sector = sectors?.[(at - event.offset) / SECTOR];
      if (sector !== undefined && next - at === SECTOR) disk.put(index, sector);
      else disk.patch(index, partOf(event, at, next), at % SECTOR);
    }
    at = next;
  }
}

function partOf(event: Pending['event'], from: number, to: number): Uint8Array {
  return event.op === 'write'
    ? event.bytes.subarray(from - event.offset, to - event.offset)
    : new Uint8Array(to - from);
}
