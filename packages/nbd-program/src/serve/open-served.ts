import { type DirtyBitmap, isTidemarkError, type TidemarkError } from '@tidemark/core';
import {
  type DriveFormat,
  isNbdUri,
  openDriveAndBitmaps,
  ProbedRawDevice,
  readChainBitmap,
  type RecordingDrive,
  unusableBitmap,
} from '@tidemark/drive';
import { wordOpenError } from '@tidemark/img';
import type { NbdExport } from '@tidemark/nbd';
import { NbdFailure, notOffered, PROGRAM } from '../failure.ts';
import type { NbdHost } from '../host.ts';
import type { NbdOptions } from '../options/nbd-options.ts';

const SECTOR = 512;

/** Formats of QEMU that are not ours. */
const OTHERS: ReadonlySet<string> = new Set([
  'bochs',
  'cloop',
  'dmg',
  'luks',
  'parallels',
  'qcow',
  'qed',
  'vdi',
  'vhdx',
  'vmdk',
  'vpc',
]);

/** What is served of a drive, and bitmaps of the images behind it. */
export interface Served extends RecordingDrive, ServedDevice {
  /** By name: those that were asked for and the drive itself has not. They do not change. */
  readonly behind: ReadonlyMap<string, DirtyBitmap>;
}

interface ServedDevice {
  readonly device: NbdExport['device'];
  /** Bytes. */
  readonly smallestBlock: number;
  /** Whether the device takes others, too. */
  readonly takesAnyBlock: boolean;
}

/** Opens the drive with its bitmaps, those that record among them. @throws in qemu-nbd's words */
export async function openServed(
  options: NbdOptions,
  file: string,
  host: NbdHost,
): Promise<Served> {
  const { format, readOnly } = options;
  const served = await open(file, readOnly, formatOf(format, file), host);
  const { drive, tracked } = served;
  if (drive.isProbedRaw === true && !readOnly) host.err(probedRaw(file));
  try {
    const behind = await bitmapsBehind(served, options.bitmaps);
    return { ...served, ...deviceOf(served), behind };
  } catch (error) {
    await tracked.close();
    throw error;
  }
}

/** For a guessed drive QEMU names a block size, and has clients keep to it that ask. */
function deviceOf({ drive, tracked }: RecordingDrive): ServedDevice {
  const { device } = tracked;
  if (drive.isProbedRaw !== true)
    return { device, smallestBlock: drive.smallestBlock, takesAnyBlock: false };
  const smallestBlock = device.size % SECTOR === 0 ? SECTOR : 1;
  return { device: new ProbedRawDevice(device), smallestBlock, takesAnyBlock: true };
}

async function open(
  file: string,
  readOnly: boolean,
  format: DriveFormat | undefined,
  host: NbdHost,
): Promise<RecordingDrive> {
  try {
    return await openDriveAndBitmaps(file, {
      access: readOnly ? 'read' : 'write',
      // It serves on, as tidemarkd does: a guest's write waits until it can be marked.
      onTrackingError: 'stop',
      onNotice: (text) => host.err(`${PROGRAM}: warning: ${text}\n`),
      ...(format && { format }),
    });
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    // The words for it are about files.
    const isServers = isNbdUri(file) && error.code === 'DEVICE_UNSUPPORTED';
    const { message, after } = isServers
      ? { message: error.message, after: '' }
      : await wordOpenError(error, file, { writable: !readOnly });
    const text = `Failed to blk_new_open '${file}': ${message}`;
    const { hint } = error.context;
    // Where it has no words of qemu-nbd's.
    const isOurs = message === error.message && hint !== undefined;
    const advice = isOurs ? `${PROGRAM}: hint: ${hint}\n` : '';
    throw new NbdFailure(text, { code: error.code, after: `${after}${advice}`, cause: error });
  }
}

function formatOf(format: string | undefined, file: string): DriveFormat | undefined {
  if (format === undefined || format === 'raw' || format === 'qcow2') return format;
  if (OTHERS.has(format)) throw notOffered(`Format '${format}'`);
  throw new NbdFailure(`Failed to blk_new_open '${file}': Unknown driver '${format}'`);
}

/** @throws NbdFailure: one of them is nowhere in the chain, or cannot be used */
async function bitmapsBehind(
  { drive, tracked }: RecordingDrive,
  names: readonly string[],
): Promise<Served['behind']> {
  const usable = new Set(tracked.readers().map(({ name }) => name));
  const behind = new Map<string, DirtyBitmap>();
  for (const name of names.filter((each) => !usable.has(each))) {
    const own = (await tracked.states()).find((bitmap) => bitmap.name === name);
    if (own !== undefined) {
      const state = own.inconsistent ? 'inconsistent' : 'unsupported';
      throw inWords(unusableBitmap(drive.path, name, state));
    }
    const content = await readChainBitmap(drive, name).catch((error: unknown) => {
      throw isTidemarkError(error) ? inWords(error) : error;
    });
    if (content === undefined) {
      throw new NbdFailure(`Bitmap '${name}' is not found`, { code: 'BITMAP_NOT_FOUND' });
    }
    behind.set(name, content);
  }
  return behind;
}

function inWords(error: TidemarkError): NbdFailure {
  return new NbdFailure(error.message, { code: error.code, cause: error });
}

function probedRaw(file: string): string {
  const indent = ' '.repeat('WARNING: '.length);
  return [
    `WARNING: Image format was not specified for '${file}' and probing guessed raw.`,
    `${indent}Clients that would make it look like another format are refused.`,
    `${indent}Specify the 'raw' format explicitly to remove this warning.`,
    '',
  ].join('\n');
}
