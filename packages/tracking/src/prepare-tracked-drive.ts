import type { BlockDevice } from '@tidemark/block';
import { type BitmapStore, defaultGranularity, TidemarkError } from '@tidemark/core';
import { abandonBitmaps } from './abandon.ts';
import { tellRecovered } from './describe-bitmap.ts';
import { bitmapAtRest, type DriveBitmap, recordingContent } from './drive-bitmap.ts';
import { DriveState } from './drive-state.ts';
import type { Durability } from './durability.ts';
import { engage } from './engage.ts';
import { InUseDurability } from './in-use-durability.ts';
import { GuardedMarks, type TrackingErrorPolicy } from './live/guarded-marks.ts';
import { LiveDurability } from './live/live-durability.ts';
import { LiveMarks } from './live/live-marks.ts';
import type { RegionLimits } from './live/open-regions.ts';
import { loseBitmaps } from './lose-bitmaps.ts';
import { bitmapInTwoStores } from './messages.ts';
import { type BitmapSelection, planSelection, type SelectionPlan } from './selection.ts';
import { resizeDrive } from './resize/resize-drive.ts';
import { TrackedDevice } from './tracked-device.ts';
import { TrackedDrive } from './tracked-drive.ts';
import { WriteRecorder } from './write-recorder.ts';

/**
 * Of `openTrackedDrive`: a drive, where its bitmaps are, and what becomes of a write that cannot be
 * marked.
 */
export interface TrackedDriveOptions {
  readonly device: BlockDevice;
  /** Names the drive in messages, as the daemon's id does. */
  readonly label: string;
  /** Where persistent bitmaps are kept. New ones go to the first, unless a selection names one. */
  readonly stores?: readonly BitmapStore[];
  /** Where the others are kept: they end with the process. */
  readonly transient?: BitmapStore;
  /** Whether the drive will be written. If not, nothing is acquired and bitmaps are only read. */
  readonly writable: boolean;
  /**
   * - `live`: bitmaps are valid on disk while they record, where their store can do that; of one that
   *   cannot, there is a warning, and `close` holds for it. A crash leaves a superset of the truth.
   * - `close`: they are stored when the drive is closed, as QEMU does. A crash leaves them
   *   inconsistent. The default.
   */
  readonly durability?: 'live' | 'close';
  /** Of bitmaps that are live. */
  readonly marks?: RegionLimits;
  /** Default `stop`. */
  readonly onTrackingError?: TrackingErrorPolicy;
  /** Milliseconds after which a mark that failed is tried again. Default 100. */
  readonly retryAfter?: number;
  /** Bytes; of a qcow2 image. Decides the granularity of new bitmaps, as in QEMU. */
  readonly clusterSize?: number;
  readonly select?: readonly BitmapSelection[];
  /** Hears of bitmaps that cannot be used and that nobody selected, and of marks that fail. */
  readonly onWarning?: (message: string) => void;
}

/** A drive whose options are checked, and on which nothing was changed yet. */
export interface PreparedDrive {
  /**
   * Makes the selected bitmaps, takes those that record in use, and begins to record. When this
   * resolves all of them are durably in use: a server may listen only afterwards. The drive owns
   * device and stores from then on. When it fails they are still the caller's, open, and what was
   * changed was taken back; what could not be is in use, and inconsistent to the next one. A second
   * call gives what the first one gave.
   * @throws I/O codes of the stores; STORE_FAILED
   */
  begin(): Promise<TrackedDrive>;
}

/**
 * Checks what is to be done with a drive against its stores, and changes nothing. Every enabled
 * bitmap is going to record, selected or not. Until `begin`, nobody else may change the stores or
 * write the device.
 * @throws BITMAP_EXISTS (also: one name in two stores), BITMAP_NOT_FOUND, BITMAP_INVALID,
 *   BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, BITMAP_READ_ONLY, BITMAP_TOO_LARGE, STORE_READ_ONLY,
 *   USAGE (a bitmap selected twice)
 */
export async function prepareTrackedDrive(options: TrackedDriveOptions): Promise<PreparedDrive> {
  const { device, label, select = [], onWarning = () => {} } = options;
  const marks = new LiveMarks({
    ...options.marks,
    diskSize: device.size,
    leases: leasesOf(options),
    onLost: (lost, why) => void loseBitmaps(state, lost, why),
  });
  const keepers = keepersOf(options, marks, (keeper) => abandonBitmaps(state, keeper));
  const bitmaps = await readDirectories(label, keepers);
  for (const keeper of keepers) checkSize(device, keeper);
  const guard = new GuardedMarks({
    marks,
    policy: options.onTrackingError ?? 'stop',
    label,
    onWarning,
    ...(options.retryAfter !== undefined && { retryAfter: options.retryAfter }),
  });
  const state: DriveState = new DriveState({
    label,
    writable: options.writable && device.writable,
    recorder: new WriteRecorder(),
    marks,
    guard,
    keepers,
    defaultGranularity: defaultGranularity(options.clusterSize),
    bitmaps,
  });
  const plan = planSelection(state, select);
  warnOfUnusable(state, plan, onWarning);
  if (state.writable && options.durability === 'live') warnOfNotLive(options, onWarning);
  let begun: Promise<TrackedDrive> | undefined;
  return { begin: () => (begun ??= begin(device, state, plan, onWarning)) };
}

async function begin(
  device: BlockDevice,
  state: DriveState,
  plan: SelectionPlan,
  onWarning: (message: string) => void,
): Promise<TrackedDrive> {
  await engage(state, plan);
  tellRecovered(state, onWarning);
  const { recorder, guard: marks, writable } = state;
  const recording = [...state.bitmaps.values()].filter(
    (bitmap) => recordingContent(bitmap) !== undefined,
  );
  for (const { content } of recording) recorder.attach(content!);
  for (const keeper of state.keepers) {
    const own = recording.filter((bitmap) => bitmap.keeper === keeper);
    // What is on disk is what was just taken from there, or made there.
    keeper.begin(own);
    keeper.end(own);
  }
  const together = {
    exclusive: <T>(work: () => Promise<T>) => state.exclusive(work),
    resize: (resized: BlockDevice, size: number) => resizeDrive(state, resized, size),
  };
  const tracked = new TrackedDevice(device, { recorder, marks, writable, together });
  return new TrackedDrive(tracked, state);
}

function leasesOf({ stores = [], durability = 'close' }: TrackedDriveOptions) {
  return durability === 'close' ? [] : stores.flatMap(({ live }) => live?.lease ?? []);
}

function keepersOf(
  { stores = [], transient, device, durability = 'close' }: TrackedDriveOptions,
  marks: LiveMarks,
  onAbandon: (keeper: Durability) => Promise<void>,
): readonly Durability[] {
  const keepers = stores.map((store): Durability => {
    const { live } = store;
    if (durability === 'close' || live === undefined) {
      return new InUseDurability(store, { persistent: true });
    }
    const flushDrive = () => device.flush();
    return new LiveDurability({ store, live, marks, flushDrive, onAbandon });
  });
  if (transient !== undefined) keepers.push(new InUseDurability(transient, { persistent: false }));
  return keepers;
}

async function readDirectories(
  label: string,
  keepers: readonly Durability[],
): Promise<readonly DriveBitmap[]> {
  const bitmaps = new Map<string, DriveBitmap>();
  for (const keeper of keepers) {
    for (const info of await keeper.list()) {
      const other = bitmaps.get(info.name)?.keeper.label;
      if (other !== undefined) throw bitmapInTwoStores(label, info.name, [other, keeper.label]);
      bitmaps.set(info.name, bitmapAtRest(info, keeper));
    }
  }
  return [...bitmaps.values()];
}

// Formats round sizes up to sectors, so a store may know a little more disk than there is.
function checkSize(device: BlockDevice, keeper: Durability): void {
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
  for (const { name, condition, reason } of state.bitmaps.values()) {
    if (condition === 'sound' || plan.selected.has(name)) continue;
    const broken =
      reason === undefined ? 'was left in use by a crash' : `cannot be trusted: ${reason}`;
    const [why, next] =
      condition === 'inconsistent'
        ? [broken, 'rescan it by its last backup, or remove it']
        : ['is of a kind not supported', 'remove it'];
    onWarning(`bitmap '${name}' of '${state.label}' ${why}: it records nothing, ${next}`);
  }
}

function warnOfNotLive(
  { label, stores = [] }: TrackedDriveOptions,
  onWarning: (message: string) => void,
): void {
  for (const { label: where, writable, live, notLive } of stores) {
    if (!writable || live !== undefined) continue;
    const because = notLive === undefined ? '' : `, since ${notLive}`;
    onWarning(`a crash will leave the bitmaps of '${label}' in ${where} inconsistent${because}`);
  }
}
