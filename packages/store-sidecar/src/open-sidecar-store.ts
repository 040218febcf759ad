import {
  type BitmapStore,
  createBitmapStore,
  isUnchanged,
  type LiveBackend,
  unchanging,
} from '@tidemark/core';
import { readForDrive } from './finish-resize.ts';
import { imageSizeFor } from './sidecar-size.ts';
import { openSession, type SidecarSessionOptions } from './sidecar-session.ts';

/** Of `openSidecarStore`. */
export type OpenSidecarStoreOptions = SidecarSessionOptions;

/**
 * Opens the bitmaps beside a raw drive. Of the sidecar's image nothing but its bitmaps is used: a
 * backing file, or data in it, is left alone and means nothing.
 * @throws SIDECAR_MISMATCH, IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT, DEVICE_READ_ONLY
 */
export async function openSidecarStore(options: OpenSidecarStoreOptions): Promise<BitmapStore> {
  const session = await openSession(options);
  const { label, drive, writable, image, directory, binding, entries } = session;
  let diskSize = drive.size;
  const live: LiveBackend = {
    // Nothing makes the next writer of a raw drive look at its sidecar.
    inUse: true,
    lease: binding.lease,
    openBits: (name) => directory.openLive(name),
    sync: () => image.metadata.sync(),
  };
  return createBitmapStore({
    label,
    get diskSize() {
      return diskSize;
    },
    get id() {
      return binding.id;
    },
    writable,
    resizing: {
      check: (size) => image.metadata.checkSize(imageSizeFor(size)),
      confirm: () => binding.confirmSize(),
    },
    ...(binding.whyNotLive === undefined ? { live } : { notLive: binding.whyNotLive }),
    checkpointLost: (name) => directory.checkpointLost(name),
    readDirectory: async () => entries,
    readContent: ({ name }, options) => readForDrive(directory, name, diskSize, options),
    // Else what lies there is for a drive of another size.
    get canMerge() {
      return directory.diskSize === diskSize;
    },
    async replaceDirectory(next, contents, rest = {}) {
      const isResize = rest.diskSize !== undefined;
      const state = isResize ? 'busy' : 'idle';
      const control = await unchanging(() => binding.prepare(next, state));
      try {
        await directory.replace(next, contents, { control, ...rest });
      } catch (error) {
        if (isResize && isUnchanged(error)) binding.gaveUpResize();
        throw error;
      }
      diskSize = rest.diskSize ?? diskSize;
      binding.committed(next);
    },
    async prepareDirectory(next, contents, merges = {}) {
      const control = await binding.prepare(next);
      const prepared = await directory.prepare(next, contents, { control, ...merges });
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
