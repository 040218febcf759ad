import { rm } from 'node:fs/promises';
import { type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { createQcow2, type CreateQcow2Options } from '@tidemark/qcow2';
import { ImgFailure, notOffered } from '../failure.ts';
import { systemErrorOf } from '../open/describe-error.ts';
import { pathOf } from '../open/file-name.ts';
import type { ImgFormat } from '../open/formats.ts';
import { RawDisk, wholeSectors } from '../open/raw-disk.ts';
import type { Image } from '../open/open-image.ts';
import { wordFileError } from '../open/open-words.ts';
import type { CreateOptions } from '../text/create-options.ts';
import { planQcow2 } from './plan-qcow2.ts';
import { warnOfSidecar } from './sidecar-beside.ts';

/** What `createImage` makes. */
export interface CreateImageOptions {
  readonly name: string;
  readonly format: ImgFormat;
  /** With the size. */
  readonly options: CreateOptions;
  readonly warn: (text: string) => void;
}

/** Ways of preallocation that take up space for the data. */
const SETS_ASIDE: ReadonlySet<string> = new Set(['falloc', 'full']);

/** More than a file can have. Bytes. */
const MAX_FILE = 2n ** 53n - 1n;

/**
 * Makes an image, in place of what was there. What can be refused is refused before anything is
 * touched. @throws USAGE and others, worded as qemu-img does
 */
export async function createImage({
  name,
  format,
  options,
  warn,
}: CreateImageOptions): Promise<void> {
  if (format === 'raw') return (await createRaw({ name, options, warn })).file.close();
  const path = targetPath(name);
  const plan = planQcow2(options, options.size('size') ?? 0n);
  const file = await makeFile(path, warn, (made) => createWithData(made, plan, path, warn));
  await file.close();
}

/** `createImage` of a raw one, which stays open, and locked, for whoever fills it. */
export async function createRaw({
  name,
  options,
  warn,
}: Omit<CreateImageOptions, 'format'>): Promise<Image> {
  const path = targetPath(name);
  const size = options.size('size') ?? 0n;
  checkRawPreallocation(options);
  if (size > MAX_FILE) throw tooLarge('raw');
  const file = await makeFile(path, warn, async (made) => {
    await warnOfSidecar(path, warn);
    await made.resize(0);
    const bytes = wholeSectors(Number(size));
    await made.resize(bytes);
    if (isPreallocated(options)) await allocate(made, bytes);
  });
  const disk = new RawDisk(file);
  return { path, format: 'raw', disk, file, qcow2: undefined, backing: undefined };
}

function targetPath(name: string): string {
  if (name === '') throw new ImgFailure("Could not create '': No such file or directory");
  return pathOf(name);
}

async function createWithData(
  file: FileBlockDevice,
  plan: CreateQcow2Options,
  path: string,
  warn: (text: string) => void,
): Promise<void> {
  const { dataFile, size } = plan;
  if (dataFile === undefined) return createQcow2(file, plan);
  if (dataFile.name === '') {
    throw new ImgFailure("Could not create '': No such file or directory");
  }
  if (dataFile.name === path) throw notOffered('A data file that is the image itself');
  const made = await makeFile(dataFile.name, warn, async (data) => {
    await warnOfSidecar(dataFile.name, warn);
    await data.resize(0);
    await data.resize(size);
    if (SETS_ASIDE.has(plan.preallocation ?? 'off')) await allocate(data, size);
    await createQcow2(file, plan);
  });
  await made.close();
}

/** Opens a file, or makes it; a new one goes again when `fill` fails. It stays open. */
async function makeFile(
  path: string,
  warn: (text: string) => void,
  fill: (file: FileBlockDevice) => Promise<void>,
): Promise<FileBlockDevice> {
  const { file, isNew } = await openOrMake(path, warn);
  try {
    await fill(file);
    return file;
  } catch (error) {
    await file.close().catch(() => {});
    if (isNew) await rm(path, { force: true });
    throw error;
  }
}

/** Opens a file to put an image in its place, or makes it. */
export async function openOrMake(path: string, warn: (text: string) => void) {
  const onNotice = (text: string) => warn(`${text}\n`);
  const options = { writable: true, waits: true, onNotice } as const;
  try {
    const file = await openFileDevice(path, { ...options, create: 'exclusive' });
    return { file, isNew: true };
  } catch (error) {
    if (!isTidemarkError(error, 'FILE_EXISTS')) throw wordCreation(error, path);
  }
  try {
    return { file: await openFileDevice(path, options), isNew: false };
  } catch (error) {
    if (isTidemarkError(error, 'DEVICE_UNSUPPORTED')) {
      throw new ImgFailure(`Could not create '${path}': Is a directory`, { cause: error });
    }
    if (isTidemarkError(error, 'LOCKED')) {
      throw await wordFileError(error, path, { writable: true });
    }
    throw wordCreation(error, path);
  }
}

function wordCreation(error: unknown, path: string): unknown {
  const system = systemErrorOf(error);
  if (system === undefined) return error;
  return new ImgFailure(`Could not create '${path}': ${system}`, { cause: error });
}

export function tooLarge(format: ImgFormat): ImgFailure {
  const hint = format === 'qcow2' ? ' (try using a larger cluster size)' : '';
  return new ImgFailure(`The image size is too large for file format '${format}'${hint}`);
}

function checkRawPreallocation(options: CreateOptions): void {
  const mode = options.get('preallocation') ?? 'off';
  if (mode === 'metadata') throw new ImgFailure('Unsupported preallocation mode: metadata');
  if (!['off', 'falloc', 'full'].includes(mode)) {
    throw new ImgFailure(`invalid parameter value: ${mode}`);
  }
}

function isPreallocated(options: CreateOptions): boolean {
  return (options.get('preallocation') ?? 'off') !== 'off';
}

/** Writes zeros: the space is there then, whatever the file system. */
async function allocate(file: FileBlockDevice, size: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(size, 4 * 1024 * 1024));
  for (let at = 0; at < size; at += zeros.length) {
    await file.write(zeros.subarray(0, Math.min(zeros.length, size - at)), at);
  }
}
