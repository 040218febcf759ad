import type { BlockDevice } from '@tidemark/block';
import {
  type BitmapStore,
  createBitmapStore,
  type LiveBackend,
  TidemarkError,
  unchanging,
} from '@tidemark/core';
import { BitmapDirectory, openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { Binding, type BoundDrive } from './binding/binding.ts';

/** qcow2.rst, "Header": QEMU counts disks in sectors of 512 bytes. */
const SECTOR_SIZE = 512;

export interface OpenSidecarStoreOptions {
  /**
   * The drive whose writes the bitmaps record: a `BlockDevice`. With `facts`, as files and block
   * devices of the system have it, a drive that was changed behind its bitmaps is noticed.
   */
  readonly drive: BoundDrive;
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
   * keeps no process alive.
   */
  readonly later?: (work: () => void, milliseconds: number) => void;
  /** Holds the sidecar. The store closes it, unless opening the store fails. */
  readonly sidecar: BlockDevice;
  /** Names the sidecar in messages. Default: the label of its device. */
  readonly sidecarPath?: string;
  /** Default: whether the sidecar's device is. */
  readonly writable?: boolean;
  /**
   * Told of bitmaps that were lost, of space in the sidecar that could not be given back, and of a
   * sidecar that cannot tell whether its drive was changed.
   */
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens the bitmaps beside a raw drive. Of the sidecar's image nothing but its bitmaps is used: a
 * backing file, or data in it, is left alone and means nothing.
 * @throws SIDECAR_MISMATCH, IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT, DEVICE_READ_ONLY
 */
export async function openSidecarStore(options: OpenSidecarStoreOptions): Promise<BitmapStore> {
  const { drive, sidecar, writesDrive = false, isShared = false } = options;
  const { onNotice = () => {}, now = Date.now, later = afterTime } = options;
  const writable = options.writable ?? sidecar.writable;
  const image = await openQcow2(sidecar, { writable, skipBacking: true });
  assertSameSize(image, options);
  const { metadata } = image;
  const directory = await BitmapDirectory.open({
    image: metadata,
    diskSize: drive.size,
    onNotice,
  });
  const label = nameOf(options);
  const about = { image: metadata, directory, drive, writesDrive, isShared, label, onNotice };
  const binding = new Binding({ ...about, now, later });
  // Before the store is there: as long as opening it can fail, the sidecar stays the caller's.
  const entries = await binding.read();
  // A crash leaves what it cut off. In an image for bitmaps alone it is known what that is.
  if (writable && binding.wasCut) await directory.reclaimLeaks();
  const live: LiveBackend = {
    // Nothing makes the next writer of a raw drive look at its sidecar.
    inUse: true,
    lease: binding.lease,
    openBits: (name) => directory.openLive(name),
    sync: () => metadata.sync(),
  };
  return createBitmapStore({
    label,
    diskSize: drive.size,
    writable,
    ...(binding.canRecover && { live }),
    readDirectory: async () => entries,
    readContent: ({ name }) => directory.readContent(name),
    async replaceDirectory(next, contents) {
      const control = await unchanging(() => binding.prepare(next));
      await directory.replace(next, contents, { control });
      binding.committed(next);
    },
    async prepareDirectory(next, contents) {
      const control = await binding.prepare(next);
      const prepared = await directory.prepare(next, contents, { control });
      return {
        async commit() {
          await prepared.commit();
          binding.committed(next);
        },
        abort: () => prepared.abort(),
      };
    },
    async close() {
      try {
        await binding.close();
      } finally {
        await image.close();
      }
    },
  });
}

const afterTime = (work: () => void, milliseconds: number) =>
  void setTimeout(work, milliseconds).unref();

function assertSameSize(image: Qcow2Image, options: OpenSidecarStoreOptions): void {
  const { drive } = options;
  const expected = Math.ceil(drive.size / SECTOR_SIZE) * SECTOR_SIZE;
  if (image.size === expected) return;
  throw new TidemarkError(
    'SIDECAR_MISMATCH',
    `${nameOf(options)} is for a drive of ${image.size} bytes, and ${drive.label} has ${drive.size}`,
    {
      where: nameOf(options),
      hint: 'name the sidecar of this drive, or make a new one and begin with a full backup',
    },
  );
}

function nameOf({ sidecar, sidecarPath }: OpenSidecarStoreOptions): string {
  return sidecarPath === undefined ? `sidecar in ${sidecar.label}` : `sidecar '${sidecarPath}'`;
}
