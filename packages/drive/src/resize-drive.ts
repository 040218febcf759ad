import { TidemarkError } from '@tidemark/core';
import { openRecordingDrive, type OpenRecordingDriveOptions } from './open-recording-drive.ts';

/** Of `resizeDrive`. */
export interface ResizeDriveOptions extends Omit<OpenRecordingDriveOptions, 'create'> {
  /** Cuts off what lies behind a smaller size. Default false: that is refused. */
  readonly shrink?: boolean;
}

/**
 * Gives a drive that nobody uses another size, in bytes, and every bitmap that goes with it: all of
 * it or nothing. What is added is zeros, and counts as written.
 * @throws USAGE (smaller, without `shrink`), BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED,
 *   BITMAP_TOO_LARGE, BITMAP_INVALID (of qcow2: no whole sectors), DEVICE_UNSUPPORTED (a block
 *   device), and as `openRecordingDrive`
 */
export async function resizeDrive(
  path: string,
  size: number,
  { shrink = false, ...options }: ResizeDriveOptions = {},
): Promise<void> {
  await using drive = await openRecordingDrive(path, options);
  const { device } = drive;
  if (size < device.size && !shrink) {
    throw new TidemarkError(
      'USAGE',
      `'${path}' has ${device.size} bytes: with ${size}, what lies behind them would be lost`,
      { where: path, hint: 'say that it is to shrink, or give a larger size' },
    );
  }
  await device.resize(size);
}
