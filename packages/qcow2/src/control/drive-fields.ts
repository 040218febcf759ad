import type { BlockDeviceFacts, DriveFacts } from '@tidemark/block';
import type { ValuesOf } from '@tidemark/core';
import { ControlFlag, type ControlHead } from './spec.ts';

type Head = ValuesOf<typeof ControlHead>;

const ID_SIZE = 16;
const NO_FILE = { modified: 0n, changed: 0n, born: 0n, inode: 0n };
const NO_DEVICE = { writtenSectors: 0n, diskSequence: 0n };
const NO_ID = new Uint8Array(ID_SIZE);

/** The fields of a control extension that say how a drive, or an image's file, is. */
export function driveFields(drive: DriveFacts) {
  const { device } = drive;
  const nothing = { ...NO_FILE, ...NO_DEVICE, device, bootId: NO_ID };
  if (drive.kind === 'file') {
    const { modified, changed, born, inode } = drive;
    return { ...nothing, modified, changed, born, inode, bootId: idOf(drive.bootId) };
  }
  const { counters, fingerprint } = drive;
  const known = { ...nothing, ...(fingerprint !== undefined && fingerprintFields(fingerprint)) };
  return counters === undefined ? known : { ...known, ...counters, bootId: idOf(counters.bootId) };
}

/** 32 bytes in hex, where a file has its times and inode. */
function fingerprintFields(fingerprint: string): typeof NO_FILE {
  const part = (index: number) => BigInt(`0x${fingerprint.slice(index * 16, index * 16 + 16)}`);
  return { modified: part(0), changed: part(1), born: part(2), inode: part(3) };
}

function fingerprintOf({ modified, changed, born, inode }: Head): { fingerprint?: string } {
  const parts = [modified, changed, born, inode];
  if (parts.every((part) => part === 0n)) return {};
  return { fingerprint: parts.map((part) => part.toString(16).padStart(16, '0')).join('') };
}

/** `size`: bytes of the disk. */
export function driveOf(head: Head, size: number): DriveFacts {
  const { device, modified, changed, born, inode, flags } = head;
  if ((flags & ControlFlag.blockDevice) !== 0) {
    return { ...blockDeviceOf(head), ...fingerprintOf(head), size, device };
  }
  const bootId = head.bootId.some((byte) => byte !== 0) && { bootId: hexOf(head.bootId) };
  return { kind: 'file', size, device, modified, changed, born, inode, ...bootId };
}

function blockDeviceOf({
  writtenSectors,
  diskSequence,
  bootId,
}: Head): Pick<BlockDeviceFacts, 'kind' | 'counters'> {
  // Linux counts from 1.
  if (diskSequence === 0n) return { kind: 'block device' };
  const counters = { writtenSectors, diskSequence, bootId: hexOf(bootId) };
  return { kind: 'block device', counters };
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function idOf(hex: string | undefined): Uint8Array {
  return hex === undefined ? NO_ID : new Uint8Array(Buffer.from(hex, 'hex'));
}
