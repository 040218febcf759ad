import type { BlockDevice, KnownByFacts } from '@tidemark/block';
import { type DirectoryEntry, TidemarkError } from '@tidemark/core';
import { BitmapDirectory, openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { Binding, type BoundDrive } from './binding/binding.ts';
import type { Mismatch } from './binding/mismatch.ts';
import { firstDifference } from './data-file/compare-map.ts';
import { takeResizeBack } from './finish-resize.ts';
import { bitmapSizeFor } from './sidecar-size.ts';

/** The drive that a sidecar is for; a `BlockDevice` will do. */
export interface SidecarDrive extends BoundDrive {
  /** Needed where QEMU may have zeroed parts of the drive through a sidecar that it can run on. */
  readonly read?: BlockDevice['read'];
  readonly extents?: BlockDevice['extents'];
}

/** A sidecar, its drive, and what is done with them while they are open. */
export interface SidecarSessionOptions {
  /**
   * The drive whose writes the bitmaps record: a `BlockDevice`. With `facts`, as files and block
   * devices of the system have it, a drive that was changed behind its bitmaps is noticed.
   */
  readonly drive: SidecarDrive;
  /**
   * The drive is going to be written by who opens the store, so that changes of it until the store
   * is closed are known to him. Default false.
   */
  readonly writesDrive?: boolean;
  /**
   * There is no lock, so that a session that has the sidecar in use may be going on: its bitmaps
   * are not taken over. Default false.
   */
  readonly isShared?: boolean;
  /** Milliseconds since 1970, by the clock that files get their times from. Default: the system's. */
  readonly now?: () => number;
  /**
   * Calls `work` after so many milliseconds, unless the process ends before. Default: a timer that
   * keeps no process alive; but one that keeps it alive where a write waits for the time.
   */
  readonly later?: (work: () => void, milliseconds: number) => void;
  /** Holds the sidecar. The session closes it, unless opening it fails. */
  readonly sidecar: BlockDevice & Partial<KnownByFacts>;
  /** Names the sidecar in messages. Default: the label of its device. */
  readonly sidecarPath?: string;
  /**
   * Whether another file than the one that is open has its place, for whoever opens the sidecar next.
   * A close then waits until the lease has ended, so that no copy of the sidecar is trusted. Default:
   * it is not.
   */
  readonly isReplaced?: () => Promise<boolean>;
  /** Default: whether the sidecar's device is. */
  readonly writable?: boolean;
  /**
   * Told of bitmaps that were lost, of space in the sidecar that could not be given back, and of a
   * sidecar that cannot tell whether its drive was changed.
   */
  readonly onNotice?: (message: string) => void;
}

/** An open sidecar, its drive as it was found, and what ties them. */
export interface SidecarSession {
  readonly label: string;
  readonly drive: SidecarDrive;
  readonly writable: boolean;
  readonly image: Qcow2Image;
  readonly directory: BitmapDirectory;
  readonly binding: Binding;
  /** As they can be trusted. */
  readonly entries: readonly DirectoryEntry[];
}

/**
 * Opens a sidecar. One that was lent is taken back, where it is writable; its map of the drive is
 * put in order. `accepts`: what a user answers for that the binding would not.
 * @throws SIDECAR_MISMATCH, IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT, DEVICE_READ_ONLY
 */
export async function openSession(
  options: SidecarSessionOptions,
  accepts: (why: Mismatch) => boolean = () => false,
): Promise<SidecarSession> {
  const { drive, sidecar, writesDrive = false, isShared = false } = options;
  const { onNotice = () => {}, now = Date.now, later = afterTime } = options;
  const { isReplaced = async () => false } = options;
  const writable = options.writable ?? sidecar.writable;
  const label = nameOf(options);
  const image = await openQcow2(sidecar, { writable, skipBacking: true, allowDataFile: true });
  const { metadata, dataMap } = image;
  const bitmapSize = bitmapSizeFor(metadata, drive, label);
  const directory = await BitmapDirectory.open({ image: metadata, diskSize: bitmapSize, onNotice });
  const isDataFile = dataMap !== undefined;
  const who = { writesDrive, isShared, isDataFile, isReplaced, accepts };
  const wait = options.later && waitBy(options.later);
  const about = { image: metadata, directory, drive, sidecar, now, later, wait, label, onNotice };
  const binding = new Binding({ ...about, ...who });
  const entries = await binding.read();
  const session = { label, drive, writable, image, directory, binding, entries };
  // A crash leaves what it cut off. In an image for bitmaps alone it is known what that is.
  if (writable && binding.wasCut) await directory.reclaimLeaks();
  if (writable && bitmapSize !== drive.size) {
    await takeResizeBack({ directory, binding, entries, driveSize: drive.size, label });
  }
  await settleMap(session, writesDrive);
  // What records is going to be taken, and noted so. What does not is never named again, and would
  // be judged by a lease of a session that has ended, whatever is written from here on.
  const isLeft = entries.some(({ recovered, enabled }) => recovered === true && !enabled);
  if (writable && writesDrive && isLeft) await rebind(session, 'idle');
  return session;
}

const waitBy =
  (later: NonNullable<SidecarSessionOptions['later']>) =>
  async (milliseconds: number): Promise<void> => {
    await new Promise<void>((resolve) => later(resolve, milliseconds));
  };

const afterTime = (work: () => void, milliseconds: number) =>
  void setTimeout(work, milliseconds).unref();

/** Puts the same bitmaps in place again, and what the drive is now. */
export async function rebind(session: SidecarSession, atRest: 'idle' | 'lent'): Promise<void> {
  const { directory, binding, entries } = session;
  const control = await binding.prepare(entries, atRest);
  await directory.replace(entries, new Map(), { control });
  binding.committed(entries);
}

/**
 * What the sidecar calls its drive from now on, where the drive is its data. After `rebind`: what the
 * times of the sidecar prove is gone with it. @throws OUT_OF_RANGE, NO_SPACE
 */
export async function nameDrive({ image }: SidecarSession, name: string): Promise<void> {
  const { dataMap } = image;
  if (dataMap !== undefined && dataMap.dataFile.name !== name) await dataMap.rename(name);
}

/**
 * Where QEMU has run on the sidecar, the map may call parts of the drive zeros. What is written to
 * the drive directly would not be seen there by QEMU, so the map is put in order before.
 */
async function settleMap(session: SidecarSession, writesDrive: boolean): Promise<void> {
  const { image, drive, label, writable, binding, entries } = session;
  const { dataMap } = image;
  if (dataMap === undefined) return;
  let hasZeros = false;
  for await (const range of dataMap.zeros()) {
    hasZeros = true;
    const at = await firstDifference(drive, range);
    if (at !== undefined) throw notZero(label, at);
  }
  const isDoubted = entries.some(({ rule }) => rule !== undefined && rule !== 'in-use');
  // The user may yet answer for what is in doubt, as long as nobody else writes the drive.
  if (!writable || (binding.isLent && isDoubted && !writesDrive)) return;
  // First: what the sidecar's times prove is gone once we have written to it.
  if (binding.isLent) await rebind(session, 'idle');
  if (hasZeros) await dataMap.relink();
}

function notZero(label: string, at: number): TidemarkError {
  return new TidemarkError(
    'SIDECAR_MISMATCH',
    `${label} says that byte ${at} of its drive is zero, and it is not: QEMU has discarded it ` +
      'without discarding it in the drive, or the drive was written behind its back',
    {
      where: label,
      offset: at,
      hint: 'remove the sidecar, make another one, and begin with a full backup',
    },
  );
}

function nameOf({ sidecar, sidecarPath }: SidecarSessionOptions): string {
  return sidecarPath === undefined ? `sidecar in ${sidecar.label}` : `sidecar '${sidecarPath}'`;
}
