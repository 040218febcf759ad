import { type BlockDevice, type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { ImgFailure } from '../failure.ts';
import { describeError } from './describe-error.ts';
import { backingPath, pathOf } from './file-name.ts';
import { formatOf, type ImgFormat, probe } from './formats.ts';
import { type FileSource, type ImageSource, sourceOf } from './image-source.ts';
import { connect, type Connecting } from './nbd-disk.ts';
import { lostBitmaps, probedRaw, wordFileError } from './open-words.ts';
import { wordQcow2Error } from './qcow2-errors.ts';
import { recount } from './recount.ts';
import { RawDisk } from './raw-disk.ts';
import { refuseSidecar } from './sidecar.ts';

const SHARE_CONFLICT = '--force-share/-U conflicts with image options';

/** Of options that do not go together, before an image is named. */
class Refusal extends Error {}

/** Far above what people build. */
const MAX_DEPTH = 200;

export interface OpenImageOptions extends Connecting {
  /** The name is a list of options. Default false. */
  readonly isOptions?: boolean;
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

/** Hears what cannot be read, and why. */
export type Salvage = (
  what: 'offset' | 'block status at offset',
  offset: number,
  error: unknown,
) => void;

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
  /** The driver of a disk that a server has, or that was opened as what it lies in. */
  readonly protocol?: string | undefined;
  /** A server has the disk: there is no file of it here. Default false. */
  readonly isRemote?: boolean;
  /** What the data lies in, where that is not the image. Absent also where it was not opened. */
  readonly dataFile?: FileBlockDevice | undefined;
  /** Of that. */
  readonly dataPath?: string | undefined;
  /** What cannot be read of it is taken for zeros. Absent: is an error. */
  readonly salvage?: Salvage;
}

/** @throws USAGE and others, worded as qemu-img does */
export async function openImage(name: string, options: OpenImageOptions): Promise<Image> {
  const { exitCode = 1 } = options;
  try {
    if (options.isOptions === true && options.format !== undefined) {
      throw new Refusal('--image-opts and --format are mutually exclusive');
    }
    const source = sourceOf(name, options.isOptions === true);
    if (options.share === true && source.share === false) throw new Refusal(SHARE_CONFLICT);
    if (options.writable === true && (options.share === true || source.share === true)) {
      throw new ImgFailure('force-share=on can only be used with read-only images');
    }
    return await openLayer(source, options, []);
  } catch (error) {
    if (error instanceof Refusal) throw new ImgFailure(error.message, { exitCode });
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
  source: ImageSource,
  given: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  const isShared = source.share === true || (source.isUnlocked && given.writable !== true);
  const options = isShared ? { ...given, share: true } : given;
  const { path } = source.file;
  const wanted = options.format === undefined ? source.format : formatOf(options.format);
  if (above.length > MAX_DEPTH) throw new ImgFailure(`Backing chains of over ${MAX_DEPTH} images`);
  const file = await openFile(source.file, options);
  const remote = source.file.driver === 'nbd' && { isRemote: true };
  try {
    const format = source.isBare ? 'raw' : (wanted ?? (await probe(file)));
    if (format === 'raw') {
      if (!source.isBare && wanted === undefined && options.writable === true) {
        options.warn(probedRaw(path));
      }
      const protocol = source.isBare ? source.file.driver : undefined;
      const raw = { path, format, file, qcow2: undefined, backing: undefined } as const;
      return { ...raw, disk: new RawDisk(file), protocol, ...remote };
    }
    if (options.writable === true && options.isRepair !== true) {
      await recount(path, file, options.warn);
    }
    return { ...(await openQcow2Layer(source, file, options, above)), ...remote };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openQcow2Layer(
  source: ImageSource,
  file: FileBlockDevice,
  options: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  const { writable = false, skipData = false, isRepair = false } = options;
  const { path } = source.file;
  const isWithout = source.backing === null;
  // Who writes must not take for zeros what the backing file is to show.
  const skipBacking = options.skipBacking === true || (isWithout && writable);
  let backing: Image | undefined;
  let dataFile: FileBlockDevice | undefined;
  let dataPath: string | undefined;
  const openDataFile = async (name: string | undefined) => {
    const given = source.dataFile ?? (name === undefined ? undefined : dataFileOf(name));
    if (given === undefined) throw new ImgFailure("'data-file' is required for this image");
    dataPath = given.path;
    dataFile = await openFile(given, options);
    return dataFile;
  };
  try {
    const qcow2 = await openQcow2(file, {
      writable: writable && !isRepair,
      skipBacking,
      allowEncrypted: !writable && skipBacking,
      allowNoRefcounts: isRepair,
      ...(skipData ? { skipDataFile: true } : { openDataFile }),
      openBacking: async (name, format) => {
        if (isWithout) return undefined;
        const own = () => sourceOf(backingPath(name, path), false);
        const given = source.backing ?? own;
        const wanted = source.backing == null ? format : undefined;
        backing = await openBacking(given, wanted, options, [...above, path]);
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

/**
 * The data file that an image names: a file and nothing else, for an image is not to say to which server its
 * disk is written, as QEMU has it since CVE-2024-4467. @throws USAGE
 */
function dataFileOf(name: string): FileSource {
  return { driver: 'file', path: pathOf(name) };
}

async function openBacking(
  source: ImageSource | (() => ImageSource),
  format: string | undefined,
  { share = false, lock = 'keep', warn, connectNbd, objects }: OpenImageOptions,
  above: readonly string[],
): Promise<Image> {
  try {
    const options = { format, share, lock, warn, connectNbd, objects };
    return await openLayer(typeof source === 'function' ? source() : source, options, above);
  } catch (error) {
    const after = error instanceof ImgFailure ? error.after : '';
    throw new ImgFailure(`Could not open backing file: ${describeError(error)}`, {
      after,
      cause: error,
    });
  }
}

/** @throws USAGE and others: only the reason, without the name of the image */
async function openFile(source: FileSource, options: OpenImageOptions): Promise<FileBlockDevice> {
  const { writable = false, share = false, lock = 'keep' } = options;
  if (source.driver === 'nbd') return connect(source.nbd, writable, options);
  const { path } = source;
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
