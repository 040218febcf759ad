import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import {
  type Fault,
  FaultDevice,
  type Keeps,
  powerCut,
  RecordingDevice,
} from '@tidemark/block/testing';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '../../src/index.ts';

/** Bytes. Two clusters of bits. */
const SIZE = 4 * 1024 * 1024;

export function bitsAt(...offsets: readonly number[]): DirtyBitmap {
  const bitmap = new DirtyBitmap(SIZE, 512);
  for (const offset of offsets) bitmap.set(offset, 1);
  return bitmap;
}

/** All that a reader is told of bitmaps, bits included. */
export type Picture = Readonly<Record<string, readonly (number | string)[]>>;

export interface FaultyImage {
  readonly store: BitmapStore;
  /** Changes and flushes so far, and where on the device the last change went. */
  readonly calls: () => {
    readonly change: number;
    readonly flush: number;
    readonly changedAt: number;
  };
  /** What is found by whoever opens the image now. */
  readonly found: () => Promise<Picture>;
  /** What is found when the power fails now. */
  readonly foundAfterCut: (keeps: Keeps) => Promise<Picture>;
}

/** Bitmaps in an image: 'used', which is acquired, live or not, and 'rest'. */
export async function faultyImage(
  options: { readonly live: boolean },
  faults: readonly Fault[] = [],
): Promise<FaultyImage> {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE, clusterSize: 512 });
  const recorder = await RecordingDevice.startOn(new FaultDevice(memory, faults));
  const calls = { change: 0, flush: 0, changedAt: -1 };
  const image = await openQcow2(counting(recorder, calls), { writable: true });
  const store = await openQcow2Store(image);
  await store.commit(
    ['used', 'rest'].map((name) => {
      return { op: 'create', name, enabled: true, content: bitsAt(0) } as const;
    }),
  );
  await store.acquire(['used'], options);
  return {
    store,
    calls: () => ({ ...calls }),
    found: async () => pictureOf(memory),
    foundAfterCut: async (keeps) =>
      pictureOf(await powerCut(recorder.base, recorder.events, keeps)),
  };
}

function counting(
  device: RecordingDevice,
  calls: { change: number; flush: number; changedAt: number },
): BlockDevice {
  return new Proxy<BlockDevice>(device, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === 'flush') calls.flush++;
        if (key === 'write' || key === 'resize') {
          calls.change++;
          calls.changedAt = key === 'write' ? Number(args[1]) : -1;
        }
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

async function pictureOf(device: BlockDevice): Promise<Picture> {
  const store = await openQcow2Store(await openQcow2(device, { writable: false }));
  const bitmaps: Record<string, readonly (number | string)[]> = {};
  for (const { name, state } of await store.list()) {
    const offsets = async () =>
      Array.from((await store.load(name)).dirtyExtents(), ({ offset }) => offset);
    bitmaps[name] = state === 'stored' ? await offsets() : [state];
  }
  return bitmaps;
}
