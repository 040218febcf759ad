import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import {
  type DeviceEvent,
  FaultDevice,
  type Fault,
  type Keeps,
  powerCut,
  RecordingDevice,
} from '@tidemark/block/testing';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import { GRANULE, SIZE } from './drives.ts';

/** A drive's device and stores, as they are opened for one session. */
interface OpenedPlace {
  readonly device: BlockDevice;
  readonly stores: readonly BitmapStore[];
}

/** A file that holds bitmaps, and all that was ever written to it. */
interface RecordedFile {
  readonly events: readonly DeviceEvent[];
  /** Its stored bitmaps after a power cut, which keeps of what was not flushed what `keeps` says. */
  openAfterCut(at: number, keeps: Keeps): Promise<BitmapStore>;
}

/** Where a drive and its bitmaps are kept, over many sessions. */
export interface Place {
  open(): Promise<OpenedPlace>;
  /** What somebody finds who opens the stores now. */
  find(): Promise<readonly BitmapStore[]>;
  readonly files: readonly RecordedFile[];
  /** Clean bitmaps that record, and are there before the first session. Default: none. */
  readonly given?: readonly string[];
}

export type MakePlace = (faults: readonly Fault[]) => Promise<Place>;

export const PLACES: Readonly<Record<string, MakePlace>> = {
  'store-memory': async () => memoryPlace(),
  'store-qcow2': qcow2Place,
  'two of store-sidecar': sidecarPlace,
};

function memoryPlace(): Place {
  const disk = new MemoryDisk(SIZE);
  const device = new MemoryDevice({ size: SIZE });
  return {
    open: async () => ({ device: shared(device), stores: [await openMemoryStore(disk)] }),
    find: async () => [await openMemoryStore(disk, { writable: false })],
    files: [],
  };
}

const CLUSTER = { clusterSize: 4096 };

async function qcow2Place(faults: readonly Fault[]): Promise<Place> {
  const file = await recorded(faults, (device) => createQcow2(device, { size: SIZE, ...CLUSTER }));
  const storeOn = async (device: BlockDevice, writable: boolean) => {
    const image = await openQcow2(device, { writable });
    return { image, store: await openQcow2Store(image) };
  };
  return {
    async open() {
      const { image, store } = await storeOn(shared(file.device), true);
      return { device: image, stores: [store] };
    },
    find: async () => [(await storeOn(file.now(), false)).store],
    files: [file.readBy(async (device) => (await storeOn(device, false)).store)],
  };
}

async function sidecarPlace(faults: readonly Fault[]): Promise<Place> {
  const drive = new MemoryDevice({ size: SIZE });
  const storeOn = (sidecar: BlockDevice, writable: boolean) =>
    openSidecarStore({ drive, sidecar, writable });
  const make = (device: BlockDevice) => createSidecar(device, { diskSize: SIZE, ...CLUSTER });
  // New bitmaps go to the first store, so that the second one would have none.
  const makeWithBitmap = async (device: BlockDevice) => {
    await make(device);
    const content = new DirtyBitmap(SIZE, GRANULE);
    const store = await storeOn(shared(device), true);
    await store.commit([{ op: 'create', name: 'c', enabled: true, content }]);
    await store.close();
  };
  const files = [await recorded(faults, make), await recorded([], makeWithBitmap)];
  return {
    given: ['c'],
    open: async () => ({
      device: shared(drive),
      stores: await Promise.all(files.map(({ device }) => storeOn(shared(device), true))),
    }),
    find: async () => Promise.all(files.map((file) => storeOn(file.now(), false))),
    files: files.map((file) => file.readBy((device) => storeOn(device, false))),
  };
}

async function recorded(faults: readonly Fault[], make: (device: BlockDevice) => Promise<void>) {
  const memory = new MemoryDevice({ size: 0 });
  await make(memory);
  const recorder = await RecordingDevice.startOn(memory);
  const { events, base } = recorder;
  return {
    device: new FaultDevice(recorder, faults) as BlockDevice,
    now: () => shared(memory),
    readBy: (open: (device: BlockDevice) => Promise<BitmapStore>): RecordedFile => ({
      events,
      openAfterCut: async (at, keeps) => open(await powerCut(base, events.slice(0, at), keeps)),
    }),
  };
}

/** Stays open when a session closes it. */
function shared(device: BlockDevice): BlockDevice {
  return new Proxy(device, {
    get(target, key) {
      if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
