import { TidemarkError } from '@tidemark/core';
import type { BlockDevice } from './block-device.ts';

/** @throws OUT_OF_RANGE: bytes that are not all on the device */
export function checkRange(
  device: Pick<BlockDevice, 'label' | 'size'>,
  offset: number,
  length: number,
): void {
  if (isInside(device.size, offset, length)) return;
  throw new TidemarkError(
    'OUT_OF_RANGE',
    `${length} bytes at ${offset} are not all on a device of ${device.size} bytes`,
    { where: device.label, offset },
  );
}

/** Whether bytes are all on a device of `size` bytes, and whole ones. */
export function isInside(size: number, offset: number, length: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= size - offset
  );
}

/** Sizes are the caller's own arithmetic, so a wrong one is a programmer's mistake: RangeError. */
export function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new RangeError(`${size} is not a size in bytes`);
}

/** What every kind of device refuses, in one order: closed, read-only, out of range. */
export class AccessGuard {
  readonly #device: BlockDevice;
  #isClosed = false;

  constructor(device: BlockDevice) {
    this.#device = device;
  }

  /** @throws DEVICE_CLOSED */
  checkOpen(): void {
    if (!this.#isClosed) return;
    const { label } = this.#device;
    throw new TidemarkError('DEVICE_CLOSED', `${label} is closed`, { where: label });
  }

  /** @throws DEVICE_CLOSED, OUT_OF_RANGE */
  checkRead(offset: number, length: number): void {
    this.checkOpen();
    checkRange(this.#device, offset, length);
  }

  /** @throws DEVICE_CLOSED, DEVICE_READ_ONLY, OUT_OF_RANGE */
  checkChange(offset: number, length: number): void {
    this.checkOpen();
    this.#checkWritable();
    checkRange(this.#device, offset, length);
  }

  /** Whether `checkRead` would throw nothing. */
  allowsRead(offset: number, length: number): boolean {
    return !this.#isClosed && isInside(this.#device.size, offset, length);
  }

  /** Whether `checkChange` would throw nothing. */
  allowsChange(offset: number, length: number): boolean {
    return this.#device.writable && this.allowsRead(offset, length);
  }

  /** @throws DEVICE_CLOSED, DEVICE_READ_ONLY, RangeError */
  checkResize(size: number): void {
    this.checkOpen();
    this.#checkWritable();
    checkSize(size);
  }

  close(): void {
    this.#isClosed = true;
  }

  #checkWritable(): void {
    if (this.#device.writable) return;
    const { label } = this.#device;
    throw new TidemarkError('DEVICE_READ_ONLY', `${label} is open for reading only`, {
      where: label,
      hint: 'open it for writing',
    });
  }
}
