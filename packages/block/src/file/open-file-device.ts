import { constants, fstatSync } from 'node:fs';
import { TidemarkError } from '@tidemark/core';
import { checkSize } from '../access-guard.ts';
import type { FileBlockDevice } from '../drive-facts.ts';
import { findTools } from '../helper/tools.ts';
import { FileHoles } from '../holes/file-holes.ts';
import { type Holes, NO_HOLES } from '../holes/holes.ts';
import { fromSystemError } from '../io-error.ts';
import { takeHeldFile } from '../locks/held-file.ts';
import { lockFile, lookForWriters } from '../locks/lock-file.ts';
import { blockDeviceSize, checkBlockDeviceWritable } from './block-device-facts.ts';
import { dropCached } from './drop-cached.ts';
import { FileDevice } from './file-device.ts';
import { readFacts } from './read-facts.ts';
import { descriptorIo, type FileIo, handleIo } from './file-io.ts';
import { whyFlushesAreWeak } from './mount-trust.ts';
import { PromptIo } from './prompt-io.ts';
import { waitingIo } from './waiting-io.ts';
import type { FileStatus, FileSystem, OpenFile } from './file-system.ts';
import { openedFile, SYSTEM_FILES, WAITING_FILES } from './system-files.ts';

/** How `openFileDevice` opens a file or a block device. */
export interface FileDeviceOptions {
  /** Default false. */
  readonly writable?: boolean;
  /** `exclusive` makes a new file and never opens an old one. Default `never`. */
  readonly create?: 'never' | 'exclusive';
  /** Bytes of a file that is created. Default 0. */
  readonly size?: number;
  /** Default: `file` or `block device` and the path. */
  readonly label?: string;
  /**
   * Keep other programs out, as QEMU does: one writer, or any number of readers. Default true. There
   * is no lock outside Linux, without perl, or where `fs` is not the system's. `look`: of a reader, which
   * is refused while the system tells of a writer, and keeps none out.
   */
  readonly lock?: boolean | 'look';
  /**
   * Does all in the tick of the call, also where that waits for the disk: for a program that has
   * nothing else to do meanwhile. Default false.
   */
  readonly waits?: boolean;
  /** Nobody reads it once it is closed: that does not wait for the disk. Default false. */
  readonly temporary?: boolean;
  /** Let helper programs see and make holes. Default true. */
  readonly helper?: boolean;
  /** Default: the system's files. */
  readonly fs?: FileSystem;
  /** Told, once each, what cannot be had on this system: a sentence for the log. */
  readonly onNotice?: (message: string) => void;
}

type Kind = 'file' | 'block device';

interface Context extends FileDeviceOptions {
  readonly where: string;
  readonly writable: boolean;
  /** Of the system, so that other processes can be handed its descriptors. */
  readonly isSystem: boolean;
}

/**
 * Opens an image file or a block device.
 * @throws FILE_NOT_FOUND, FILE_EXISTS, PERMISSION_DENIED, LOCKED, DEVICE_UNSUPPORTED (neither a file
 * nor a block device), DEVICE_READ_ONLY, NO_SPACE, IO_FAILED
 */
export async function openFileDevice(
  path: string,
  options: FileDeviceOptions = {},
): Promise<FileBlockDevice> {
  const { writable = false, create = 'never', size = 0, waits = false } = options;
  checkSize(size);
  if (create === 'exclusive' && !writable) throw new TypeError('a new file has to be writable');
  const isSystem = await isOfSystem(options.fs);
  const fs = isSystem ? (waits ? WAITING_FILES : SYSTEM_FILES) : options.fs!;
  const context = { ...options, where: path, writable, isSystem };
  try {
    return create === 'exclusive'
      ? await createFile(fs, size, context)
      : await openExisting(fs, context);
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

/** Whether somebody names node:fs/promises, which we do without. */
async function isOfSystem(fs: FileSystem | undefined): Promise<boolean> {
  return fs === undefined || fs.open === (await import('node:fs/promises')).open;
}

async function openExisting(fs: FileSystem, context: Context): Promise<FileBlockDevice> {
  const { where, writable, lock = true } = context;
  // Before it is opened: that alone would block on a pipe, and wind a tape.
  const expected = kindOf(await fs.stat(where), where);
  const isClaimed = expected === 'block device' && writable && lock !== false;
  // O_EXCL on a block device: nobody has mounted or claimed it (open(2)).
  const flags = isClaimed ? constants.O_RDWR | constants.O_EXCL : writable ? 'r+' : 'r';
  const held = lock === false ? undefined : await takeHeldFile(where, writable);
  const file = held === undefined ? await fs.open(where, flags) : openedFile(held);
  return closeOnError(file, () => makeDevice(file, context, held !== undefined));
}

async function createFile(
  fs: FileSystem,
  size: number,
  context: Context,
): Promise<FileBlockDevice> {
  const file = await fs.open(context.where, 'wx+');
  try {
    return await closeOnError(file, async () => {
      const device = await makeDevice(file, context);
      if (size > 0) await device.resize(size);
      return device;
    });
  } catch (error) {
    // Ours, since it was not there before.
    await fs.unlink(context.where).catch(() => {});
    throw error;
  }
}

async function makeDevice(
  file: OpenFile,
  context: Context,
  isHeld = false,
): Promise<FileBlockDevice> {
  const { where, writable, isSystem, lock = true, waits = false } = context;
  const status = await file.stat();
  const kind = kindOf(status, where);
  if (kind === 'block device' && writable) checkBlockDeviceWritable(status, where);
  if (isSystem && lock !== false && !isHeld) await lockOrNotify(file, kind, context);
  if (isSystem && writable && kind === 'file') notifyOfWeakFlushes(file, context);
  return new FileDevice({
    file,
    io: ioOf(file, context),
    promptIo: isSystem ? new PromptIo(file.fd, context) : undefined,
    holes: holesOf(file, kind, context),
    // After the lock: who had it before may have changed the size.
    size: await sizeOf(file, kind, where),
    isResizable: kind === 'file',
    readFacts: isSystem ? () => readFacts(file.fd, waits) : undefined,
    sizeNow: isSystem && kind === 'file' ? () => fstatSync(file.fd).size : undefined,
    dropCached: isSystem ? () => dropOrNotify(file, context) : undefined,
    writable,
    isTemporary: context.temporary ?? false,
    label: context.label ?? `${kind} '${where}'`,
    where,
  });
}

function ioOf(file: OpenFile, { where, isSystem, waits = false }: Context): FileIo {
  if (!isSystem) return handleIo(file, where);
  return waits ? waitingIo(file.fd, where) : descriptorIo(file.fd, where);
}

async function lockOrNotify(file: OpenFile, kind: Kind, context: Context): Promise<void> {
  const { where, writable, waits = false, onNotice, lock } = context;
  if (lock === 'look' && !writable) return lookForWriters(file.fd, where);
  const tools = findTools();
  const isBlockDevice = kind === 'block device';
  const reason = await lockFile(file.fd, where, { writable, waits, tools, isBlockDevice });
  if (reason !== undefined) onNotice?.(`'${where}' is not locked (${reason})`);
}

function notifyOfWeakFlushes(file: OpenFile, { where, onNotice }: Context): void {
  if (onNotice === undefined) return;
  const reason = whyFlushesAreWeak(file.fd);
  if (reason === undefined) return;
  onNotice(`'${where}' may lose in a power cut what was flushed, bitmaps too: ${reason}`);
}

async function dropOrNotify(file: OpenFile, { where, onNotice }: Context): Promise<void> {
  const reason = await dropCached(file.fd, findTools());
  if (reason === undefined) return;
  onNotice?.(
    `'${where}' may show bytes that could not be written, until it is mounted anew (${reason})`,
  );
}

function holesOf(file: OpenFile, kind: Kind, context: Context): Holes {
  const { where, isSystem, helper = true, onNotice = () => {} } = context;
  if (!isSystem || !helper) return NO_HOLES;
  return new FileHoles({ fd: file.fd, where, kind, tools: findTools(), onNotice });
}

async function sizeOf(file: OpenFile, kind: Kind, where: string): Promise<number> {
  const status = await file.stat();
  return kind === 'file' ? Number(status.size) : blockDeviceSize(status, where);
}

function kindOf(status: FileStatus, where: string): Kind {
  if (status.isFile()) return 'file';
  if (status.isBlockDevice()) return 'block device';
  throw new TidemarkError('DEVICE_UNSUPPORTED', `'${where}' is neither a file nor a block device`, {
    where,
    hint: 'name an image file or a block device',
  });
}

async function closeOnError<T>(file: OpenFile, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}
