import { TidemarkError } from '@tidemark/core';
import type { BlockDevice } from './block-device.ts';

/** @throws OUT_OF_RANGE: bytes that are not all on the device */
export function checkRange(device: BlockDevice, offset: number, length: number): void {
  const isInside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= device.size - offset;
  if (isInside) return;
  throw new TidemarkError(
    'OUT_OF_RANGE',
    `${length} bytes at ${offset} are not all on a device of ${device.size} bytes`,
    { where: device.label, offset },
  );
}

/** @throws DEVICE_READ_ONLY */
export function checkWritable(device: BlockDevice): void {
  if (device.writable) return;
  throw new TidemarkError('DEVICE_READ_ONLY', `${device.label} is open for reading only`, {
    where: device.label,
    hint: 'open it for writing',
  });
}

export function deviceClosed(device: BlockDevice): TidemarkError {
  return new TidemarkError('DEVICE_CLOSED', `${device.label} is closed`, { where: device.label });
}
