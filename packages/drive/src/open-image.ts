import type { BlockDevice } from '@tidemark/block';
import { recountIfDirty } from '@tidemark/doctor';
import { openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { openBackingChain } from './backing-chain.ts';
import { openDataFile, refuseSidecar } from './data-file.ts';

/** How `openImage` opens an image and what stands behind it. */
export interface OpenImageOptions {
  /** Of the image: what its header names is found from there. */
  readonly path: string;
  readonly writable: boolean;
  /** Takes the locks that QEMU respects on files that are opened here. Default true. */
  readonly lock?: boolean | 'look';
  /** See `openDrive`. */
  readonly skipBacking?: boolean;
  /** What stands behind the image, whatever its header says. It is closed with the image. */
  readonly backing?: BlockDevice;
  /** Where its data lies, in place of the file that its header names. It is closed with the image. */
  readonly dataFile?: BlockDevice;
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens the qcow2 image that a file holds, with its backing chain and data file. The image owns the
 * file from then on. @throws as `openDrive`; the file stays open
 */
export async function openImage(file: BlockDevice, options: OpenImageOptions): Promise<Qcow2Image> {
  const { path, writable, lock = true, skipBacking = false, onNotice } = options;
  const { backing, dataFile } = options;
  const notices = onNotice && { onNotice };
  if (writable && (await recountIfDirty(file, { path }))) {
    onNotice?.(`'${path}' was not closed cleanly: its clusters were counted anew`);
  }
  const image = await openQcow2(file, {
    writable,
    skipBacking,
    allowEncrypted: skipBacking && !writable,
    ...(backing && { backing }),
    openBacking: (name, format) => openBackingChain({ name, format, overlay: path, ...notices }),
    openDataFile: async (name) =>
      dataFile ?? openDataFile(name, { image: path, writable, lock, ...notices }),
  });
  try {
    refuseSidecar(path, image);
  } catch (error) {
    await image.close();
    throw error;
  }
  return image;
}
