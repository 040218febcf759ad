import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import type { BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import { openTrackedDrive, type TrackedDrive } from '../../src/index.ts';
import { created, GRANULE, SIZE } from './drives.ts';
import { dirtyOf } from './faulty-disk.ts';

/** A region is marked on disk at once, of which few are open. */
const MARKS = { regionSize: 4 * GRANULE, maxOpen: 8 * GRANULE, idleAfter: 0 };
/** Of a drive that is opened anew: the disks under them stay. */
interface Opened {
  readonly device: BlockDevice;
  readonly store: BitmapStore;
}
export type MakePlace = () => Promise<(access: { readonly writable: boolean }) => Promise<Opened>>;

/** Of sidecars, nothing says after a kill who has written the drive. */
export const RESIZED_PLACES: Readonly<Record<string, MakePlace>> = {
  'store-memory': async () => {
    const [disk, device] = [new MemoryDisk(SIZE), new MemoryDevice({ size: SIZE })];
    return async (access) => ({
      device: unclosed(device),
      store: await openMemoryStore(disk, access),
    });
  },
  'store-qcow2': async () => {
    const file = new MemoryDevice({ size: 0 });
    await createQcow2(file, { size: SIZE, clusterSize: 4096 });
    return async (access) => {
      const device = await openQcow2(unclosed(file), access);
      return { device, store: await openQcow2Store(device) };
    };
  },
  'store-sidecar': async () => {
    const [drive, sidecar] = [new MemoryDevice({ size: SIZE }), new MemoryDevice({ size: 0 })];
    await createSidecar(sidecar, { diskSize: SIZE, clusterSize: 4096 });
    return async (access) => {
      const device = unclosed(drive);
      const store = await openSidecarStore({
        drive: device,
        sidecar: unclosed(sidecar),
        ...access,
      });
      return { device, store };
    };
  },
};

/** Stays open when it is closed, as a file does. */
function unclosed<T extends BlockDevice>(device: T): T {
  return new Proxy(device, {
    get(target, key) {
      if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export type ResizeStep =
  | { readonly step: 'write'; readonly granule: number; readonly count: number }
  | { readonly step: 'resize'; readonly sectors: number }
  | { readonly step: 'clear'; readonly name: 'on' | 'off' }
  | { readonly step: 'narrow' | 'reopen' };

/** What a drive and its two bitmaps have to be: one that records, and one that does not. */
class Naive {
  content: Uint8Array = new Uint8Array(SIZE);
  readonly dirty = { on: new Set<number>(), off: new Set<number>() };
  #stamp = 0;

  write({
    granule,
    count,
  }: Extract<ResizeStep, { step: 'write' }>): [Uint8Array, number] | undefined {
    const offset = granule * GRANULE;
    const length = Math.min(count * GRANULE, this.content.length - offset);
    if (length <= 0) return undefined;
    const bytes = new Uint8Array(length).fill(++this.#stamp);
    this.content.set(bytes, offset);
    this.#mark(this.dirty.on, offset, offset + length);
    return [bytes, offset];
  }

  resize(size: number): void {
    const before = this.content.length;
    const content = new Uint8Array(size);
    content.set(this.content.subarray(0, size));
    this.content = content;
    for (const dirty of Object.values(this.dirty)) {
      // All of it is new, also where a granule was there in part.
      if (size > before) this.#mark(dirty, before, size);
      for (const granule of dirty) if (granule * GRANULE >= size) dirty.delete(granule);
    }
  }

  #mark(dirty: Set<number>, from: number, to: number): void {
    for (let at = Math.floor(from / GRANULE); at * GRANULE < to; at++) dirty.add(at);
  }
}

/** A drive, and what it has to be. */
export class ResizedDrive {
  readonly #naive = new Naive();
  readonly #open: Awaited<ReturnType<MakePlace>>;
  #drive!: TrackedDrive;

  private constructor(open: Awaited<ReturnType<MakePlace>>) {
    this.#open = open;
  }

  static async on(open: Awaited<ReturnType<MakePlace>>): Promise<ResizedDrive> {
    const { store, device } = await open({ writable: true });
    await store.commit([created('on'), created('off', { enabled: false })]);
    await store.close();
    await device.close();
    const drive = new ResizedDrive(open);
    await drive.#start();
    return drive;
  }

  async #start(): Promise<void> {
    const { device, store } = await this.#open({ writable: true });
    this.#drive = await openTrackedDrive({
      ...{ device, label: 'd0', writable: true, durability: 'live', marks: MARKS },
      stores: [store],
    });
  }

  async take(step: ResizeStep): Promise<void> {
    const { device } = this.#drive;
    if (step.step === 'write') {
      const made = this.#naive.write(step);
      if (made !== undefined) await device.write(...made);
    } else if (step.step === 'resize') {
      this.#naive.resize(step.sectors * 512);
      await device.resize(step.sectors * 512);
    } else if (step.step === 'clear') {
      this.#naive.dirty[step.name].clear();
      await this.#drive.transaction([{ op: 'clear', name: step.name }]);
    } else if (step.step === 'narrow') await this.#drive.narrow();
    else {
      await this.#drive.close();
      await this.#start();
    }
  }

  /** What it is now: content that differs, if any, and dirty granules. */
  async now(): Promise<Found> {
    const content = new Uint8Array(this.#drive.device.size);
    await this.#drive.device.read(content, 0);
    const isEqual = Buffer.compare(content, this.#naive.content) === 0;
    const [on, off] = [await this.#drive.load('on'), await this.#drive.load('off')];
    return { isEqual, on: granulesOf(on), off: granulesOf(off) };
  }

  /** What it has to be. */
  get owed(): Found {
    return { isEqual: true, on: this.#owed('on'), off: this.#owed('off') };
  }

  /** What somebody who opens it now, as after a kill, is not told of. */
  async missed(): Promise<readonly string[]> {
    await this.#drive.device.flush();
    const { store } = await this.#open({ writable: false });
    const size = this.#naive.content.length;
    const problems = store.diskSize === size ? [] : [`${store.diskSize} bytes and not ${size}`];
    for (const { name, state } of await store.list()) {
      if (state !== 'stored') continue;
      const found = new Set(granulesOf(await store.load(name)));
      const missed = this.#owed(name).filter((granule) => !found.has(granule));
      if (missed.length > 0) problems.push(`${name} is stale at ${missed.join(' ')}`);
    }
    return problems;
  }

  /** Closes it. @returns dirty granules, and nothing of its content */
  async stored(): Promise<Omit<Found, 'isEqual'>> {
    await this.#drive.close();
    const { store } = await this.#open({ writable: false });
    const [on, off] = [await store.load('on'), await store.load('off')];
    return { on: granulesOf(on), off: granulesOf(off) };
  }

  #owed(name: string): readonly number[] {
    return [...this.#naive.dirty[name as 'on' | 'off']].sort((a, b) => a - b);
  }
}

interface Found {
  readonly isEqual: boolean;
  readonly on: readonly number[];
  readonly off: readonly number[];
}

const granulesOf = (bitmap: DirtyBitmap) => dirtyOf(bitmap).map((offset) => offset / GRANULE);
