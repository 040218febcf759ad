import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { type DeviceEvent, RecordingDevice } from '@tidemark/block/testing';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createSidecar, openSidecarStore } from '../../src/index.ts';
import { SimulatedDrive } from './simulated-drive.ts';

const drive = new SimulatedDrive(65_536);
const content = new DirtyBitmap(drive.size, 512);
content.set(0, 1);

const LIVE = { live: true };
const BITS = new Uint8Array(512).fill(1, 0, 16);

type Steps = readonly ((store: BitmapStore) => Promise<unknown>)[];

const STEPS: Steps = [
  (store) => store.commit([{ op: 'create', name: 'a', enabled: true, content }]),
  (store) => store.acquire(['a']),
  (store) =>
    store.commit([
      { op: 'store', name: 'a', content },
      { op: 'create', name: 'b', enabled: false, content },
    ]),
  (store) => store.commit([{ op: 'remove', name: 'a' }]),
];

export interface FirstUse {
  readonly base: BlockDevice;
  readonly events: readonly DeviceEvent[];
  /** After the sidecar was made, and after each step: how many events, and what is there then. */
  readonly ends: readonly { readonly at: number; readonly found: string }[];
}

/** With a live bitmap: only its own bits are written in place. */
const LIVE_STEPS: Steps = [
  STEPS[0]!,
  (store) => store.acquire(['a'], LIVE),
  async ({ live }) => {
    await live!.bits('a').write(BITS, 0);
    await live!.sync();
    await live!.lease!.renew();
  },
  (store) => store.commit([{ op: 'store', name: 'a', content, live: true }]),
  (store) => store.commit([{ op: 'release', name: 'a' }]),
];

/** All that is written while a live bitmap is made, marked, cleared and released. */
export async function recordLiveUse(): Promise<Omit<FirstUse, 'ends'>> {
  const recorder = new RecordingDevice(new MemoryDevice({ size: 0 }));
  await createSidecar(recorder, { diskSize: drive.size, clusterSize: 512 });
  const store = await openSidecarStore({ drive, sidecar: recorder, now: () => drive.now });
  for (const step of LIVE_STEPS) await step(store);
  return recorder;
}

/** All that is written while a sidecar is made and its first bitmaps come and go. */
export async function recordFirstUse(): Promise<FirstUse> {
  const recorder = new RecordingDevice(new MemoryDevice({ size: 0 }));
  const { base, events } = recorder;
  await createSidecar(recorder, { diskSize: drive.size, clusterSize: 512 });
  const ends = [{ at: events.length, found: 'holds nothing' }];
  const store = await openSidecarStore({ drive, sidecar: recorder });
  const expected = ['a stored', 'a inconsistent', 'a stored, b stored', 'b stored'];
  for (const [index, step] of STEPS.entries()) {
    await step(store);
    ends.push({ at: events.length, found: `holds ${expected[index]}` });
  }
  return { base, events, ends };
}

/** The bitmaps of a sidecar and their states, or the code that it is refused with. */
export async function lookAt(sidecar: BlockDevice): Promise<string> {
  try {
    const now = () => drive.now;
    await using store = await openSidecarStore({ drive, sidecar, writable: false, now });
    const bitmaps = await store.list();
    for (const { name, state } of bitmaps) {
      if (state === 'stored' && !(await store.load(name)).equals(content))
        return 'holds other bits';
    }
    return `holds ${bitmaps.map(({ name, state }) => `${name} ${state}`).join(', ') || 'nothing'}`;
  } catch (error) {
    return String(Object(error)['code'] ?? error);
  }
}
