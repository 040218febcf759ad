import type { BlockDevice } from '@tidemark/block';
import { type BitmapStore, defaultGranularity, TidemarkError } from '@tidemark/core';
import { bitmapAtRest, type DriveBitmap, recordingContent } from './drive-bitmap.ts';
import { DriveState } from './drive-state.ts';
import { InUseDurability } from './durability.ts';
import { bitmapExists } from './messages.ts';
import { type BitmapSelection, planSelection, type SelectionPlan } from './selection.ts';
import { TrackedDevice } from './tracked-device.ts';
import { TrackedDrive } from './tracked-drive.ts';
import { WriteRecorder } from './write-recorder.ts';

export interface OpenTrackedDriveOptions {
  readonly device: BlockDevice;
  /** Names the drive in messages, as the daemon's id does. */
  readonly label: string;
  /** Where persistent bitmaps are kept. */
  readonly store?: BitmapStore;
  /** Where the others are kept: they end with the process. */
  readonly transient?: BitmapStore;
  /** Whether the drive will be written. If not, nothing is acquired and bitmaps are only read. */
  readonly writable: boolean;
  /** Bytes; of a qcow2 image. Decides the granularity of new bitmaps, as in QEMU. */
  readonly clusterSize?: number;
  readonly select?: readonly BitmapSelection[];
  /** Hears of bitmaps that cannot be used and that nobody selected. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens a drive for recording. Every enabled bitmap of its stores records, selected or not, and all
 * of them are durably in use when this resolves: a server may listen only afterwards. The drive
 * owns device and stores from then on; when this fails, they are still the caller's, open, and no
 * option that was refused has changed anything on disk.
 * @throws BITMAP_EXISTS, BITMAP_NOT_FOUND, BITMAP_INVALID, BITMAP_INCONSISTENT,
 *   BITMAP_UNSUPPORTED, BITMAP_READ_ONLY, BITMAP_TOO_LARGE, STORE_READ_ONLY, USAGE
 */
export async function openTrackedDrive(options: OpenTrackedDriveOptions): Promise<TrackedDrive> {
  const { device, label, select = [], onWarning = () => {} } = options;
  const writable = options.writable && device.writable;
  const recorder = new WriteRecorder();
  const keepers = {
    persistent: options.store && new InUseDurability(options.store, { persistent: true }),
    transient: options.transient && new InUseDurability(options.transient, { persistent: false }),
  };
  const present = await readDirectories(label, [keepers.persistent, keepers.transient]);
  const state = new DriveState({
    label,
    writable,
    recorder,
    ...keepers,
    defaultGranularity: defaultGranularity(options.clusterSize),
    bitmaps: present,
  });
  for (const keeper of state.keepers) checkSize(device, keeper);
  const plan = planSelection(state, select);
  warnOfUnusable(state, plan, onWarning);
  await engage(state, plan);
  for (const bitmap of state.bitmaps.values()) {
    const content = recordingContent(bitmap);
    if (content !== undefined) recorder.attach(content);
  }
  const beforeResize = () => refuseResize(state);
  return new TrackedDrive(new TrackedDevice(device, { recorder, writable, beforeResize }), state);
}

/** All that changes a disk, and takes it back where it fails half-way. */
async function engage(state: DriveState, plan: SelectionPlan): Promise<void> {
  const before = state.bitmaps;
  try {
    for (const keeper of state.keepers) await engageStore(state, plan, keeper);
  } catch (error) {
    for (const keeper of state.keepers) {
      const mine = [...state.bitmaps.values()].filter((bitmap) => bitmap.keeper === keeper);
      const created = mine.filter(({ name }) => !before.has(name)).map(({ name }) => name);
      const acquired = mine.filter(({ name, acquired }) => acquired && before.has(name));
      const asStored = acquired.map((bitmap) => {
        return { ...bitmap, enabled: before.get(bitmap.name)!.enabled };
      });
      // Where this fails too, the flags stay: inconsistent to the next one, never stale.
      await keeper.restructure([], created).catch(() => {});
      await keeper.release(asStored).catch(() => {});
    }
    throw error;
  }
}

async function engageStore(
  state: DriveState,
  plan: SelectionPlan,
  keeper: InUseDurability,
): Promise<void> {
  const created = plan.created.filter(({ bitmap }) => bitmap.keeper === keeper);
  const acquired = plan.acquired.filter((bitmap) => bitmap.keeper === keeper);
  // Bits that cannot be read have to show before anything is made.
  if (created.length > 0) for (const { name } of acquired) await keeper.load(name);
  await keeper.restructure(created, []);
  for (const { bitmap, content } of created) {
    state.replace({ ...bitmap, acquired: bitmap.enabled, content });
  }
  const contents = await keeper.acquire(acquired.map(({ name }) => name));
  for (const bitmap of acquired) {
    state.replace({ ...bitmap, acquired: true, content: contents.get(bitmap.name) });
  }
}

async function readDirectories(
  label: string,
  keepers: readonly (InUseDurability | undefined)[],
): Promise<readonly DriveBitmap[]> {
  const bitmaps = new Map<string, DriveBitmap>();
  for (const keeper of keepers) {
    for (const info of (await keeper?.list()) ?? []) {
      if (bitmaps.has(info.name)) throw bitmapExists(label, info.name);
      bitmaps.set(info.name, bitmapAtRest(info, keeper!));
    }
  }
  return [...bitmaps.values()];
}

// Formats round sizes up to sectors, so a store may know a little more disk than there is.
function checkSize(device: BlockDevice, keeper: InUseDurability): void {
  const excess = keeper.diskSize - device.size;
  if (excess >= 0 && excess < 512) return;
  throw new TidemarkError(
    'BITMAP_INVALID',
    `${keeper.label} is for a disk of ${keeper.diskSize} bytes, ` +
      `but ${device.label} has ${device.size}`,
    { where: device.label, hint: 'give the drive the store that was made for it' },
  );
}

function warnOfUnusable(
  state: DriveState,
  plan: SelectionPlan,
  onWarning: (message: string) => void,
): void {
  for (const { name, condition } of state.bitmaps.values()) {
    if (condition === 'sound' || plan.selected.has(name)) continue;
    const why =
      condition === 'inconsistent' ? 'was left in use by a crash' : 'is of a kind not supported';
    onWarning(`bitmap '${name}' of '${state.label}' ${why}: it records nothing, remove it`);
  }
}

function refuseResize({ bitmaps, label }: DriveState): void {
  if (bitmaps.size === 0) return;
  throw new TidemarkError(
    'DEVICE_UNSUPPORTED',
    `drive '${label}' cannot be resized while it has bitmaps`,
    { where: label, hint: 'close the drive and resize it together with its store' },
  );
}
