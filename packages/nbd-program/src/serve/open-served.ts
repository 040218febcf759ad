import { isTidemarkError } from '@tidemark/core';
import { type DriveFormat, openDriveAndBitmaps, type RecordingDrive } from '@tidemark/drive';
import { wordOpenError } from '@tidemark/img';
import { NbdFailure, notOffered, PROGRAM } from '../failure.ts';
import type { NbdHost } from '../host.ts';
import type { NbdOptions } from '../options/nbd-options.ts';

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

/** Opens the drive with its bitmaps, those that record among them. @throws in qemu-nbd's words */
export async function openServed(
  options: NbdOptions,
  file: string,
  host: NbdHost,
): Promise<RecordingDrive> {
  const { format, readOnly } = options;
  const served = await open(file, readOnly, formatOf(format, file), host);
  const { drive, tracked } = served;
  if (format === undefined && drive.format === 'raw' && !readOnly && !drive.isRemote) {
    host.err(probedRaw(file));
  }
  try {
    await checkBitmaps(served, options.bitmaps);
  } catch (error) {
    await tracked.close();
    throw error;
  }
  return served;
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
    const { message, after } = await wordOpenError(error, file, { writable: !readOnly });
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

async function checkBitmaps({ tracked }: RecordingDrive, names: readonly string[]): Promise<void> {
  const usable = new Set(tracked.readers().map(({ name }) => name));
  const missing = names.find((name) => !usable.has(name));
  if (missing === undefined) return;
  const found = (await tracked.list()).find(({ name }) => name === missing);
  if (found === undefined) {
    throw new NbdFailure(`Bitmap '${missing}' is not found`, { code: 'BITMAP_NOT_FOUND' });
  }
  const why = found.inconsistent ? 'inconsistent' : 'of an unknown kind';
  const text = `Bitmap '${missing}' is ${why} and cannot be used`;
  const code = found.inconsistent ? 'BITMAP_INCONSISTENT' : 'BITMAP_UNSUPPORTED';
  throw new NbdFailure(text, { code });
}

function probedRaw(file: string): string {
  const indent = ' '.repeat('WARNING: '.length);
  return [
    `WARNING: Image format was not specified for '${file}' and probing guessed raw.`,
    `${indent}A guest can change what a drive looks like: it may be another format next time.`,
    `${indent}Specify the 'raw' format explicitly to remove this warning.`,
    '',
  ].join('\n');
}
