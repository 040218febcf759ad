import { realpath, stat } from 'node:fs/promises';
import { type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { type BitmapStore, isTidemarkError } from '@tidemark/core';
import { defaultSidecarPath, openSidecarStore, readDataFile } from '@tidemark/store-sidecar';
import { hintLine, ImgFailure, PROGRAM } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import type { Image } from '../open/open-image.ts';

const TO_PLAIN = (drive: string) => `run 'tidemark sidecar convert ${drive} --to plain' first`;

function hintOf(error: unknown): string {
  const found = isTidemarkError(error) ? error.context.hint : undefined;
  return found === undefined ? '' : hintLine(found);
}

/** A sidecar beside a raw file: where `tidemark` looks for it. Undefined: there is none. */
async function sidecarBeside(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  // All links to a file lead to the same sidecar; devices are taken as they are called.
  const drive = found?.isFile() === true ? await realpath(path) : path;
  const sidecar = defaultSidecarPath(drive);
  return (await stat(sidecar).catch(() => undefined)) && sidecar;
}

export interface OpenBesideOptions {
  readonly warn: (text: string) => void;
  /** Refuses a drive whose last sector is not whole: QEMU writes it whole. Default false. */
  readonly wholeSectors?: boolean;
}

/**
 * The bitmaps that the sidecar beside a raw image keeps of it, for a change of the image that they
 * are to know of. Undefined: there are none. The caller closes the store, before the image.
 * @throws LOCKED, SIDECAR_MISMATCH and others: nothing may be changed then
 */
export async function openBitmapsBeside(
  image: Image,
  { warn, wholeSectors = false }: OpenBesideOptions,
): Promise<BitmapStore | undefined> {
  if (image.qcow2 !== undefined) return undefined;
  const path = await sidecarBeside(image.path);
  if (path === undefined) return undefined;
  let sidecar: FileBlockDevice | undefined;
  try {
    const onNotice = (text: string) => warn(`${PROGRAM}: ${text}\n`);
    sidecar = await openFileDevice(path, { writable: true, onNotice });
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

/** Says of a raw file that is made anew what becomes of bitmaps of what was there. */
export async function warnOfSidecar(path: string, warn: (text: string) => void): Promise<void> {
  const sidecar = await sidecarBeside(path);
  if (sidecar === undefined) return;
  const lost = 'they can no longer be used, and a backup that needs them is full';
  warn(`${PROGRAM}: warning: '${sidecar}' has bitmaps of what was in '${path}': ${lost}\n`);
}
