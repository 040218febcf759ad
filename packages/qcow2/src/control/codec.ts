import { crc32 } from 'node:zlib';
import type { BlockDeviceFacts, DriveFacts } from '@tidemark/block';
import { isTidemarkError, toNumber } from '@tidemark/core';
import { type Control, MAX_LIVE_ENTRIES } from './control.ts';
import {
  CONTROL_SIZE,
  CONTROL_VERSION,
  ControlFlag,
  ControlHead,
  ControlTail,
  KNOWN_CONTROL_FLAGS,
  MAX_TOKENS,
  TOKEN_SIZE,
} from './spec.ts';

interface Numbered {
  readonly control: Control;
  readonly sequence: bigint;
}

type Head = ReturnType<typeof ControlHead.decode>;

const ID_SIZE = 16;
const STATES = ['idle', 'busy', 'lent'] as const;

/** The extension's data, without tokens. */
export function encodeControl({ control, sequence }: Numbered): Uint8Array {
  const { state, storeId, sessionId, leaseUntil, drive, directory, liveEntries } = control;
  const data = new Uint8Array(CONTROL_SIZE);
  const values = {
    version: CONTROL_VERSION,
    flags:
      ControlFlag.sidecar |
      ControlFlag[state] |
      (drive.kind === 'block device' ? ControlFlag.blockDevice : 0),
    sequence,
    storeId,
    sessionId,
    leaseUntil,
    ...driveFields(drive),
    directoryOffset: BigInt(directory.offset),
    directoryCrc: directory.crc,
    tokenCount: 0,
  };
  ControlHead.encode(values, data);
  const tailAt = ControlHead.size;
  ControlTail.encode({ liveEntries: maskOf(liveEntries), crc: 0 }, data, tailAt);
  const crc = crc32(data.subarray(0, tailAt + ControlTail.offsetOf.crc));
  ControlTail.encode({ liveEntries: maskOf(liveEntries), crc }, data, tailAt);
  return data;
}

/** What cannot be used is no error: the bitmaps are still there. */
export function decodeControl(data: Uint8Array): Numbered | { readonly problem: string } {
  try {
    return decode(data);
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return { problem: `cannot be read: ${error.message}` };
  }
}

function decode(data: Uint8Array): Numbered | { readonly problem: string } {
  const head = ControlHead.decode(data);
  if (head.version !== CONTROL_VERSION) return { problem: `is of the version ${head.version}` };
  if (head.tokenCount > MAX_TOKENS) return { problem: `counts ${head.tokenCount} tokens` };
  const tailAt = ControlHead.size + head.tokenCount * TOKEN_SIZE;
  if (data.length !== tailAt + ControlTail.size) {
    return { problem: `has ${data.length} bytes, not ${tailAt + ControlTail.size}` };
  }
  const { crc, liveEntries } = ControlTail.decode(data, tailAt);
  if (crc32(data.subarray(0, tailAt + ControlTail.offsetOf.crc)) !== crc) {
    return { problem: 'is damaged: its checksum is wrong' };
  }
  const state = stateOf(head.flags);
  if (state === undefined) return { problem: `has the flags 0x${head.flags.toString(16)}` };
  const directoryOffset = toNumber(head.directoryOffset, 'the place of the directory');
  const control = {
    state,
    storeId: head.storeId,
    sessionId: head.sessionId,
    leaseUntil: head.leaseUntil,
    drive: driveOf(head),
    directory: { offset: directoryOffset, crc: head.directoryCrc },
    liveEntries: indicesOf(liveEntries),
  };
  return { control, sequence: head.sequence };
}

function stateOf(flags: number): Control['state'] | undefined {
  if ((flags & ~KNOWN_CONTROL_FLAGS) !== 0 || (flags & ControlFlag.sidecar) === 0) return undefined;
  const set = STATES.filter((state) => (flags & ControlFlag[state]) !== 0);
  return set.length === 1 ? set[0] : undefined;
}

const NO_FILE = { modified: 0n, changed: 0n, born: 0n, inode: 0n };
const NO_DEVICE = { writtenSectors: 0n, diskSequence: 0n, bootId: new Uint8Array(ID_SIZE) };

function driveFields(drive: DriveFacts) {
  const { size, device } = drive;
  const common = { driveSize: BigInt(size), device };
  if (drive.kind === 'file') {
    const { modified, changed, born, inode, bootId } = drive;
    return { ...common, ...NO_DEVICE, modified, changed, born, inode, ...bootField(bootId) };
  }
  const { counters } = drive;
  if (counters === undefined) return { ...common, ...NO_FILE, ...NO_DEVICE };
  return { ...common, ...NO_FILE, ...counters, ...bootField(counters.bootId) };
}

/** Zeros stand for a boot that is not known. */
const bootField = (bootId: string | undefined) => ({
  bootId: bootId === undefined ? NO_DEVICE.bootId : new Uint8Array(Buffer.from(bootId, 'hex')),
});

function driveOf(head: Head): DriveFacts {
  const { device, modified, changed, born, inode, flags } = head;
  const size = toNumber(head.driveSize, 'the size of the drive');
  if ((flags & ControlFlag.blockDevice) !== 0) return { ...blockDeviceOf(head), size, device };
  const isBootKnown = head.bootId.some((byte) => byte !== 0);
  const boot = isBootKnown && { bootId: Buffer.from(head.bootId).toString('hex') };
  return { kind: 'file', size, device, modified, changed, born, inode, ...boot };
}

function blockDeviceOf({
  writtenSectors,
  diskSequence,
  bootId,
}: Head): Pick<BlockDeviceFacts, 'kind' | 'counters'> {
  // Linux counts from 1.
  if (diskSequence === 0n) return { kind: 'block device' };
  const counters = { writtenSectors, diskSequence, bootId: Buffer.from(bootId).toString('hex') };
  return { kind: 'block device', counters };
}

function maskOf(indices: readonly number[]): number {
  let mask = 0;
  for (const index of indices) {
    if (index >= MAX_LIVE_ENTRIES) throw new RangeError(`entry ${index} cannot be named as live`);
    mask += 2 ** index;
  }
  return mask;
}

function indicesOf(mask: number): number[] {
  const all = Array.from({ length: MAX_LIVE_ENTRIES }, (_, index) => index);
  return all.filter((index) => Math.floor(mask / 2 ** index) % 2 === 1);
}
