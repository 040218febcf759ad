import { ImgFailure, notOffered } from '../failure.ts';
import { pathOf, PROTOCOLS } from './file-name.ts';
import { formatOf, type ImgFormat } from './formats.ts';
import {
  below,
  flagOf,
  type ImageOptions,
  JSON_PREFIX,
  notFound,
  parseImageOptions,
  parseJsonName,
} from './image-options.ts';
import { isNbdName, nbdOfName, nbdOfOptions, type NbdTarget } from './nbd-source.ts';

/** What an image's bytes lie in. */
export type FileSource =
  | { readonly driver: 'file' | 'host_device'; readonly path: string }
  | { readonly driver: 'nbd'; readonly path: string; readonly nbd: NbdTarget };

/** Which image somebody means. */
export interface ImageSource {
  readonly file: FileSource;
  /** Undefined: found by the first bytes. */
  readonly format: ImgFormat | undefined;
  /** The file itself is the disk, and called so: it was named by a driver that is no format. */
  readonly isBare: boolean;
  /** What stands in place of the data file that the image names. */
  readonly dataFile: FileSource | undefined;
  /** What stands in place of the image's own backing file; null: nothing. */
  readonly backing: ImageSource | null | undefined;
  /** Looks although another program may be writing. Undefined: nothing is said of it. */
  readonly share: boolean | undefined;
  /** Is looked at without locks; who writes locks it all the same. */
  readonly isUnlocked: boolean;
}

/** Keys that any image may have, and that make no difference to who has it for one command. */
const ANY = new Set(
  (
    'driver node-name read-only auto-read-only force-share discard detect-zeroes cache.direct ' +
    'cache.no-flush cache.writeback'
  ).split(' '),
);
const OF_FILES = new Set(
  'filename aio aio-max-batch locking pr-manager drop-cache x-check-cache-dropped'.split(' '),
);
const OF_FORMATS: Readonly<Record<ImgFormat, ReadonlySet<string>>> = {
  raw: new Set(['offset', 'size']),
  qcow2: new Set(
    (
      'lazy-refcounts pass-discard-request pass-discard-snapshot pass-discard-other overlap-check ' +
      'cache-size l2-cache-size l2-cache-entry-size refcount-cache-size cache-clean-interval ' +
      'backing data-file'
    ).split(' '),
  ),
};

/** @param isOptions the name is a list of options. @throws USAGE, in qemu-img's words */
export function sourceOf(name: string, isOptions: boolean): ImageSource {
  if (isOptions) return imageOf(parseImageOptions(name));
  if (name.startsWith(JSON_PREFIX)) return imageOf(parseJsonName(name));
  return plain(fileSourceOf(name));
}

function plain(file: FileSource): ImageSource {
  const format = undefined;
  return {
    file,
    format,
    isBare: false,
    dataFile: undefined,
    backing: undefined,
    share: undefined,
    isUnlocked: false,
  };
}

/** A file, or an export of a server, by its name. @throws USAGE */
function fileSourceOf(name: string): FileSource {
  if (!isNbdName(name)) return { driver: 'file', path: pathOf(name) };
  const nbd = nbdOfName(name);
  return { driver: 'nbd', path: nbd.path, nbd };
}

function imageOf(options: ImageOptions): ImageSource {
  const driver = options.get('driver');
  const share = options.has('force-share') ? flagOf(options, 'force-share') : undefined;
  if (driver !== undefined && isProtocol(driver)) {
    return { ...plain(protocolOf(driver, options)), isBare: true, share };
  }
  const format = driver === undefined ? undefined : formatOf(driver);
  const file = options.get('file');
  if (file !== undefined) throw notFound(file);
  const ofFile = below(options, 'file');
  if (ofFile.size === 0) {
    throw new ImgFailure(
      driver === undefined
        ? 'Must specify either driver or file'
        : 'A block device must be specified for "file"',
    );
  }
  checkFormatKeys(options, format);
  const ofData = below(options, 'data-file');
  const found = fileOf(ofFile);
  return {
    file: found,
    format,
    isBare: false,
    dataFile: ofData.size === 0 ? undefined : fileOf(ofData),
    backing: backingOf(options),
    share: flagOf(ofFile, 'force-share') || share,
    isUnlocked: !isLocked(ofFile),
  };
}

function backingOf(options: ImageOptions): ImageSource | null | undefined {
  const name = options.get('backing');
  if (name !== undefined && name !== '') throw notFound(name);
  if (name === '') return null;
  const given = below(options, 'backing');
  return given.size === 0 ? undefined : imageOf(given);
}

function isProtocol(driver: string): boolean {
  return driver === 'file' || (PROTOCOLS.has(driver) && driver !== 'raw');
}

function fileOf(options: ImageOptions): FileSource {
  const driver = options.get('driver');
  if (driver !== undefined) {
    if (isProtocol(driver)) return protocolOf(driver, options);
    throw notOffered(`Format '${formatOf(driver)}' inside of another`);
  }
  return protocolOf('file', options);
}

function protocolOf(driver: string, options: ImageOptions): FileSource {
  if (driver === 'nbd') {
    const nbd = nbdOfOptions(options, ANY);
    return { driver, path: nbd.path, nbd };
  }
  if (driver !== 'file' && driver !== 'host_device') throw notOffered(`Driver '${driver}'`);
  const path = options.get('filename') ?? '';
  if (path === '') throw new ImgFailure(`The '${driver}' block driver requires a file name`);
  const unknown = [...options.keys()].find((key) => !ANY.has(key) && !OF_FILES.has(key));
  if (unknown !== undefined) {
    throw new ImgFailure(`Block protocol '${driver}' doesn't support the option '${unknown}'`);
  }
  return { driver, path };
}

function isLocked(options: ImageOptions): boolean {
  const value = options.get('locking') ?? 'auto';
  return value === 'auto' || flagOf(options, 'locking');
}

function checkFormatKeys(options: ImageOptions, format: ImgFormat | undefined): void {
  for (const key of options.keys()) {
    if (ANY.has(key) || /^(?:file|backing|data-file)\./.test(key)) continue;
    if (format === 'raw' && OF_FORMATS.raw.has(key)) {
      throw notOffered(`Option '${key}' of a raw image`);
    }
    const [first = key] = key.split('.');
    if (format === undefined || OF_FORMATS[format].has(first)) continue;
    throw new ImgFailure(`Block format '${format}' does not support the option '${key}'`);
  }
}
