import { stat } from 'node:fs/promises';
import { type BlockDevice, MemoryDevice, openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { connectNbd } from '@tidemark/nbd';
import { hostInUrl } from '@tidemark/unix-socket';
import { NullDevice } from '../device/null-device.ts';
import { openFailed, refusal } from '../errors.ts';
import type {
  FileOptions,
  MemoryOptions,
  NbdOptions,
  NodeOptions,
  NullOptions,
} from './node-options.ts';
import type { OpenedDisk } from './opened-disk.ts';

export type ProtocolOptions = FileOptions | NbdOptions | NullOptions | MemoryOptions;

const SECTOR = 512;
/** QEMU's. */
const NULL_SIZE = 1024 ** 3;
/** Far below what would exhaust a process that serves others. */
const MAX_MEMORY_DISK = 2 ** 40;

export function isProtocol(options: NodeOptions): options is ProtocolOptions {
  return options.driver !== 'raw' && options.driver !== 'qcow2';
}

export interface OpenProtocolOptions {
  readonly onNotice: (message: string) => void;
}

/** @throws as `openFileDevice` and `connectNbd`, in QEMU's words where it has some */
export async function openProtocol(
  options: ProtocolOptions,
  { onNotice }: OpenProtocolOptions,
): Promise<OpenedDisk> {
  const readOnly = options['read-only'] ?? false;
  const writable = !readOnly;
  switch (options.driver) {
    case 'file':
    case 'host_device':
      return openFile(options, onNotice);
    case 'nbd':
      return openNbd(options, onNotice);
    case 'memory':
      return inMemory(options, writable);
    default: {
      const size = wholeSectors(options.size ?? NULL_SIZE);
      const device = new NullDevice({ size, writable });
      return { ...elsewhere(device, 'null-co://'), writable };
    }
  }
}

function inMemory({ size, 'node-name': label = 'memory' }: MemoryOptions, writable: boolean) {
  if (size > MAX_MEMORY_DISK) throw refusal(`Parameter 'size' expects at most ${MAX_MEMORY_DISK}`);
  const device = new MemoryDevice({ size: wholeSectors(size), label, writable });
  return { ...elsewhere(device, 'memory://'), writable };
}

function wholeSectors(size: number): number {
  if (size >= 0 && Number.isSafeInteger(size)) return Math.ceil(size / SECTOR) * SECTOR;
  throw refusal("Parameter 'size' expects a non-negative number below 2^53");
}

function elsewhere(device: BlockDevice, filename: string) {
  return { device, filename, file: device, isLocal: false, smallestBlock: 1 };
}

async function openFile(
  options: FileOptions,
  onNotice: (message: string) => void,
): Promise<OpenedDisk> {
  const { driver, filename, locking = 'auto', 'force-share': shared = false } = options;
  const wanted = !(options['read-only'] ?? false);
  if (shared && wanted) throw refusal('force-share=on can only be used with read-only images');
  await checkKind(driver, filename);
  const lock = locking !== 'off' && !shared;
  const open = (writable: boolean) => openFileDevice(filename, { writable, lock, onNotice });
  const tell = (error: unknown) => openFailed(error, { filename, writing: wanted });
  let device: Awaited<ReturnType<typeof open>>;
  try {
    device = await open(wanted);
  } catch (error) {
    const mayRead = wanted && options['auto-read-only'] === true && cannotBeWritten(error);
    if (!mayRead) throw tell(error);
    device = await open(false).catch((again: unknown) => Promise.reject(tell(again)));
  }
  const { writable } = device;
  return { device, filename, file: device, isLocal: true, smallestBlock: 1, writable };
}

function cannotBeWritten(error: unknown): boolean {
  return isTidemarkError(error, 'PERMISSION_DENIED') || isTidemarkError(error, 'DEVICE_READ_ONLY');
}

async function checkKind(driver: FileOptions['driver'], filename: string): Promise<void> {
  const found = await stat(filename).catch(() => undefined);
  // What cannot be looked at cannot be opened either, and says so then.
  if (found === undefined) return;
  if (found.isDirectory()) throw refusal(`Could not open '${filename}': Is a directory`);
  if (driver === 'file' && !found.isFile()) {
    throw refusal(`'file' driver requires '${filename}' to be a regular file`);
  }
  if (driver === 'host_device' && !found.isBlockDevice() && !found.isCharacterDevice()) {
    const kind = 'either a character or block device';
    throw refusal(`'host_device' driver requires '${filename}' to be ${kind}`);
  }
}

async function openNbd(
  options: NbdOptions,
  onNotice: (message: string) => void,
): Promise<OpenedDisk> {
  const uri = uriOf(options);
  const reconnect = (options['reconnect-delay'] ?? 0) * 1000;
  const { tls } = options;
  const device = await connectNbd(uri, { reconnect, onNotice, ...(tls && { tls }) });
  const wanted = !(options['read-only'] ?? false);
  if (wanted && !device.writable && options['auto-read-only'] !== true) {
    await device.close();
    throw refusal('request on write denied without write permission: the export is read-only');
  }
  const { minimum: smallestBlock } = device.blockSize;
  return { ...elsewhere(device, uri), smallestBlock, writable: wanted && device.writable };
}

function uriOf({ server, export: name = '' }: NbdOptions): string {
  const path = encodeURIComponent(name);
  if (server.type === 'unix') {
    return `nbd+unix:///${path}?socket=${encodeURIComponent(server.path)}`;
  }
  return `nbd://${hostInUrl(server.host)}:${server.port}/${path}`;
}
