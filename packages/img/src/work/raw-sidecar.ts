import { type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { type BitmapStore, isTidemarkError } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openSidecarStore, readDataFile } from '@tidemark/store-sidecar';
import { hintLine, ImgFailure, PROGRAM } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import type { Image } from '../open/open-image.ts';

const TO_PLAIN = (drive: string) => `run 'tidemark sidecar convert ${drive} --to plain' first`;

function hintOf(error: unknown): string {
  const found = isTidemarkError(error) ? error.context.hint : undefined;
  return found === undefined ? '' : hintLine(found);
}

/**
 * @throws USAGE where the sidecar at `sidecarPath` has lent its drive to QEMU: what QEMU has not seen would
 * be missing in bitmaps that it stores
 */
export async function refuseLentDrive(drive: string, sidecarPath: string): Promise<void> {
  if (!(await isLent(sidecarPath))) return;
  const message = `'${drive}' is lent to QEMU by '${sidecarPath}', whose bitmaps cannot follow`;
  throw new ImgFailure(message, { after: hintLine(TO_PLAIN(drive)) });
}

/** One that cannot be read is of no use to anybody. */
async function isLent(path: string): Promise<boolean> {
  const file = await openFileDevice(path, { lock: false, waits: true });
  try {
    const { metadata } = await openQcow2(file, { skipBacking: true, allowDataFile: true });
    const found = metadata.control;
    return found !== undefined && 'control' in found && found.control.state === 'lent';
  } catch (error) {
    if (isTidemarkError(error, 'IO_FAILED')) throw error;
    return false;
  } finally {
    await file.close();
  }
}

export interface OpenBesideOptions {
  readonly warn: (text: string) => void;
  /** Refuses a drive whose last sector is not whole: QEMU writes it whole. Default false. */
  readonly wholeSectors?: boolean;
}

/**
 * The bitmaps that the sidecar at `path` keeps of a raw image, for a change of the image that they
 * are to know of. The caller closes the store, before the image.
 * @throws LOCKED, SIDECAR_MISMATCH and others: nothing may be changed then
 */
export async function openBitmapsBeside(
  image: Image,
  path: string,
  { warn, wholeSectors = false }: OpenBesideOptions,
): Promise<BitmapStore> {
  let sidecar: FileBlockDevice | undefined;
  try {
    const onNotice = (text: string) => warn(`${PROGRAM}: ${text}\n`);
    sidecar = await openFileDevice(path, { writable: true, waits: true, onNotice });
    if ((await readDataFile(sidecar)) !== undefined) {
      throw new ImgFailure('QEMU can run on it', { after: hintLine(TO_PLAIN(image.path)) });
    }
    const drive = image.file;
    if (wholeSectors && drive.size !== image.disk.size) {
      throw new ImgFailure('the file is not of whole sectors, and would become longer');
    }
    return await openSidecarStore({
      drive,
      writesDrive: true,
      sidecar,
      sidecarPath: path,
      onNotice,
    });
  } catch (error) {
    await sidecar?.close();
    const after = error instanceof ImgFailure ? error.after : hintOf(error);
    const why = describeError(error);
    const message = `'${image.path}' has bitmaps in '${path}' that cannot follow: ${why}`;
    const code = isTidemarkError(error) ? error.code : 'IO_FAILED';
    throw new ImgFailure(message, { code, after, cause: error });
  }
}
