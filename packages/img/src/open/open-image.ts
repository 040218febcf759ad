import { type BlockDevice, type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { ImgFailure, PROGRAM } from '../failure.ts';
import { describeError, systemErrorOf } from './describe-error.ts';
import { backingPath, pathOf } from './file-name.ts';
import { statusOf } from './file-status.ts';
import { formatOf, type ImgFormat, probe } from './formats.ts';
import { wordQcow2Error } from './qcow2-errors.ts';
import { recount } from './recount.ts';
import { RawDisk } from './raw-disk.ts';
import { refuseSidecar } from './sidecar.ts';

/** Far above what people build. */
const MAX_DEPTH = 200;

export interface OpenImageOptions {
  /** Omitted: found by the first bytes. */
  readonly format?: string | undefined;
  /** Default false. */
  readonly writable?: boolean;
  /** Goes without the backing file: for work on metadata. Default false. */
  readonly skipBacking?: boolean;
  /** Goes without the data file, too: for a look at metadata alone. Default false. */
  readonly skipData?: boolean;
  /** Opens the file for writing, and takes an image as it is, whatever is wrong with its counts. */
  readonly isRepair?: boolean;
  /** Looks although another program may be writing. Default false. */
  readonly share?: boolean;
  /**
   * `keep`: nobody else begins to write meanwhile. `look`: nobody writes now, which takes no helper
   * program. Default `keep`, and always so for writing.
   */
  readonly lock?: 'keep' | 'look';
  readonly exitCode?: number;
  /** Hears what is printed on standard error though all goes well: whole lines. */
  readonly warn: (text: string) => void;
}

/** An open image, and what stands behind it. */
export interface Image {
  /** As it was named; of a backing file, as it was found. */
  readonly path: string;
  readonly format: ImgFormat;
  /** The disk; closing it closes all of it. */
  readonly disk: BlockDevice;
  readonly file: FileBlockDevice;
  readonly qcow2: Qcow2Image | undefined;
  readonly backing: Image | undefined;
  /** What the data lies in, where that is not the image. Absent also where it was not opened. */
  readonly dataFile?: FileBlockDevice | undefined;
  /** Of that. */
  readonly dataPath?: string | undefined;
}

/** @throws USAGE and others, worded as qemu-img does */
export async function openImage(name: string, options: OpenImageOptions): Promise<Image> {
  const { exitCode = 1 } = options;
  try {
    if (options.share === true && options.writable === true) {
      throw new ImgFailure('force-share=on can only be used with read-only images');
    }
    return await openLayer(name, options, []);
  } catch (error) {
    const after = error instanceof ImgFailure ? error.after : '';
    const code = isTidemarkError(error) ? error.code : 'IO_FAILED';
    throw new ImgFailure(`Could not open '${name}': ${describeError(error)}`, {
      code,
      after,
      exitCode,
      cause: error,
    });
  }
}

async function openLayer(
  name: string,
  options: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  const wanted = options.format === undefined ? undefined : formatOf(options.format);
  const path = pathOf(name);
  if (above.length > MAX_DEPTH) throw new ImgFailure(`Backing chains of over ${MAX_DEPTH} images`);
  const file = await openFile(path, options);
  try {
    const format = wanted ?? (await probe(file));
    if (format === 'raw') {
      if (wanted === undefined && options.writable === true) options.warn(probedRaw(path));
      return { path, format, disk: new RawDisk(file), file, qcow2: undefined, backing: undefined };
    }
    if (options.writable === true && options.isRepair !== true) {
      await recount(path, file, options.warn);
    }
    return await openQcow2Layer(path, file, options, above);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openQcow2Layer(
  path: string,
  file: FileBlockDevice,
  options: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  const { writable = false, skipBacking = false, skipData = false, isRepair = false } = options;
  let backing: Image | undefined;
  let dataFile: FileBlockDevice | undefined;
  let dataPath: string | undefined;
  const openDataFile = async (name: string | undefined) => {
    if (name === undefined) throw new ImgFailure("'data-file' is required for this image");
    dataPath = pathOf(name);
    dataFile = await openFile(dataPath, options);
    return dataFile;
  };
  try {
    const qcow2 = await openQcow2(file, {
      writable: writable && !isRepair,
      skipBacking,
      allowEncrypted: !writable && skipBacking,
      ...(skipData ? { skipDataFile: true } : { openDataFile }),
      openBacking: async (name, format) => {
        backing = await openBacking(backingPath(name, path), format, options, [...above, path]);
        return backing.disk;
      },
    });
    if (writable && !isRepair) refuseSidecar(path, qcow2);
    if (qcow2.info.bitmapsLost) options.warn(lostBitmaps(qcow2.info.version));
    return { path, format: 'qcow2', disk: qcow2, file, qcow2, backing, dataFile, dataPath };
  } catch (error) {
    await backing?.disk.close();
    await dataFile?.close();
    throw wordQcow2Error(error);
  }
}

async function openBacking(
  name: string,
  format: string | undefined,
  { share = false, lock = 'keep', warn }: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  try {
    return await openLayer(name, { format, share, lock, warn }, above);
  } catch (error) {
    const after = error instanceof ImgFailure ? error.after : '';
    throw new ImgFailure(`Could not open backing file: ${describeError(error)}`, {
      after,
      cause: error,
    });
  }
}

/** @throws USAGE and others: only the reason, without the name of the image */
async function openFile(path: string, options: OpenImageOptions): Promise<FileBlockDevice> {
  const { writable = false, share = false, lock = 'keep' } = options;
  try {
    return await openFileDevice(path, {
      writable,
      // There is nothing else to do meanwhile.
      waits: true,
      lock: share ? false : lock === 'look' && !writable ? 'look' : true,
      onNotice: (text) => options.warn(`${text}\n`),
    });
  } catch (error) {
    throw await wordFileError(error, path, { writable });
  }
}

/** Why a file could not be opened as an image, as QEMU's programs word it. */
export async function wordOpenError(
  problem: unknown,
  path: string,
  { writable }: { readonly writable: boolean },
): Promise<{ readonly message: string; readonly after: string }> {
  const error = wordQcow2Error(await wordFileError(problem, path, { writable }));
  const after = error instanceof ImgFailure ? error.after : '';
  return { message: describeError(error), after };
}

export async function wordFileError(
  problem: unknown,
  path: string,
  { writable }: { readonly writable: boolean },
): Promise<unknown> {
  if (isTidemarkError(problem, 'LOCKED') && systemErrorOf(problem) === undefined) {
    const lock = writable ? '"write" lock' : 'shared "write" lock';
    return new ImgFailure(`Failed to get ${lock}`, {
      code: 'LOCKED',
      after: `Is another process using the image [${path}]?\n`,
      cause: problem,
    });
  }
  if (isTidemarkError(problem, 'DEVICE_UNSUPPORTED')) {
    const isFolder = (await statusOf(path).catch(() => undefined))?.isDirectory() === true;
    const what = isFolder ? 'a regular file' : 'a regular file or a block device';
    return new ImgFailure(`'file' driver requires '${path}' to be ${what}`, { cause: problem });
  }
  const system = systemErrorOf(problem);
  if (system === undefined || !isTidemarkError(problem)) return problem;
  return new ImgFailure(`Could not open '${path}': ${system}`, {
    code: problem.code,
    cause: problem,
  });
}

function lostBitmaps(version: 2 | 3): string {
  const why =
    version === 2
      ? 'This qcow2 v2 image contains bitmaps, but they may have been modified by software without ' +
        'persistent bitmap support; so now these bitmaps may be considered inconsistent'
      : 'a program lacking bitmap support modified this file, so all bitmaps are now considered ' +
        'inconsistent';
  const leaks = "Some clusters may be leaked, run 'qemu-img check -r' on the image file to fix.";
  return `${PROGRAM}: warning: ${why}\n${leaks}\n`;
}

function probedRaw(path: string): string {
  const indent = ' '.repeat('WARNING: '.length);
  return [
    `WARNING: Image format was not specified for '${path}' and probing guessed raw.`,
    `${indent}Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.`,
    `${indent}Specify the 'raw' format explicitly to remove the restrictions.`,
    '',
  ].join('\n');
}
