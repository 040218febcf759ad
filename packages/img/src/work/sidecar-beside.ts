import { realpath, stat } from 'node:fs/promises';
import type { BitmapStore } from '@tidemark/core';
import { defaultSidecarPath } from '@tidemark/store-sidecar';
import { PROGRAM } from '../failure.ts';
import type { Image } from '../open/open-image.ts';
import type { OpenBesideOptions } from './raw-sidecar.ts';

/** A sidecar beside a raw file: where `tidemark` looks for it. Undefined: there is none. */
async function sidecarBeside(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  // All links to a file lead to the same sidecar; devices are taken as they are called.
  const drive = found?.isFile() === true ? await realpath(path) : path;
  const sidecar = defaultSidecarPath(drive);
  return (await stat(sidecar).catch(() => undefined)) && sidecar;
}

/** As `openBitmapsBeside`. Undefined: it is no raw image, or there is no sidecar beside it. */
export async function bitmapsBeside(
  image: Image,
  options: OpenBesideOptions,
): Promise<BitmapStore | undefined> {
  if (image.qcow2 !== undefined || image.isRemote === true) return undefined;
  const path = await sidecarBeside(image.path);
  if (path === undefined) return undefined;
  // Sidecars take their time to load, and few raw images have one.
  const { openBitmapsBeside } = await import('./raw-sidecar.ts');
  return openBitmapsBeside(image, path, options);
}

/** For a raw file that is written without its bitmaps. @throws USAGE: it is lent to QEMU */
export async function refuseLent(path: string): Promise<void> {
  await sidecarNotLent(path);
}

async function sidecarNotLent(path: string): Promise<string | undefined> {
  const sidecar = await sidecarBeside(path);
  if (sidecar === undefined) return undefined;
  const { refuseLentDrive } = await import('./raw-sidecar.ts');
  await refuseLentDrive(path, sidecar);
  return sidecar;
}

/**
 * Says of a raw file that is made anew what becomes of bitmaps of what was there.
 * @throws USAGE: it is lent to QEMU
 */
export async function warnOfSidecar(path: string, warn: (text: string) => void): Promise<void> {
  const sidecar = await sidecarNotLent(path);
  if (sidecar === undefined) return;
  const lost = 'they can no longer be used, and a backup that needs them is full';
  warn(`${PROGRAM}: warning: '${sidecar}' has bitmaps of what was in '${path}': ${lost}\n`);
}
