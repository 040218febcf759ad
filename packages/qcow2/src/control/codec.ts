import { isTidemarkError, toNumber } from '@tidemark/core';
import { type Control, MAX_LIVE_ENTRIES } from './control.ts';
import { driveFields, driveOf } from './drive-fields.ts';
import {
  CONTROL_VERSION,
  ControlFlag,
  ControlHead,
  controlSize,
  ControlTail,
  KNOWN_CONTROL_FLAGS,
  MAX_TOKENS,
  TOKEN_SIZE,
} from './spec.ts';
import { decodeTokens, encodeTokens } from './tokens.ts';
import { crc32 } from './crc32.ts';

interface Numbered {
  readonly control: Control;
  readonly sequence: bigint;
  /** How many tokens there is room for; the first ones are kept. */
  readonly slots: number;
}

const STATES = ['idle', 'busy', 'lent'] as const;

/** The extension's data. */
export function encodeControl({ control, sequence, slots }: Numbered): Uint8Array {
  const { storeId, sessionId, leaseUntil, drive, directory, liveEntries } = control;
  const data = new Uint8Array(controlSize(slots));
  const values = {
    version: CONTROL_VERSION,
    flags: flagsOf(control),
    sequence,
    storeId,
    sessionId,
    leaseUntil,
    driveSize: BigInt(drive.size),
    ...driveFields(drive),
    directoryOffset: BigInt(directory.offset),
    directoryCrc: directory.crc,
    tokenCount: slots,
  };
  ControlHead.encode(values, data);
  data.set(encodeTokens(control.tokens, slots), ControlHead.size);
  const tailAt = controlSize(slots) - ControlTail.size;
  ControlTail.encode({ liveEntries: maskOf(liveEntries), crc: 0 }, data, tailAt);
  const crc = crc32(data.subarray(0, tailAt + ControlTail.offsetOf.crc));
  ControlTail.encode({ liveEntries: maskOf(liveEntries), crc }, data, tailAt);
  return data;
}

function flagsOf({ kind, state, isBound, drive }: Control): number {
  const ofKind = kind === 'sidecar' ? ControlFlag.sidecar : 0;
  const ofDrive = drive.kind === 'block device' ? ControlFlag.blockDevice : 0;
  return ofKind | ofDrive | ControlFlag[state] | (isBound ? 0 : ControlFlag.unbound);
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
  const size = toNumber(head.driveSize, 'the size of the drive');
  const control: Control = {
    kind: (head.flags & ControlFlag.sidecar) === 0 ? 'image' : 'sidecar',
    state,
    storeId: head.storeId,
    sessionId: head.sessionId,
    leaseUntil: head.leaseUntil,
    isBound: (head.flags & ControlFlag.unbound) === 0,
    drive: driveOf(head, size),
    directory: { offset: directoryOffset, crc: head.directoryCrc },
    liveEntries: indicesOf(liveEntries),
    tokens: decodeTokens(data.subarray(ControlHead.size, tailAt)),
  };
  return { control, sequence: head.sequence, slots: head.tokenCount };
}

function stateOf(flags: number): Control['state'] | undefined {
  if ((flags & ~KNOWN_CONTROL_FLAGS) !== 0) return undefined;
  const set = STATES.filter((state) => (flags & ControlFlag[state]) !== 0);
  return set.length === 1 ? set[0] : undefined;
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
