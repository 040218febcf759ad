import { TidemarkError } from '@tidemark/core';
import type { ImageMetadata } from '@tidemark/qcow2';

/** qcow2.rst, "Header": QEMU counts disks in sectors of 512 bytes. */
const SECTOR_SIZE = 512;

/** Bytes of the image that is the sidecar of a drive of so many bytes. */
export const imageSizeFor = (driveSize: number): number =>
  Math.ceil(driveSize / SECTOR_SIZE) * SECTOR_SIZE;

/**
 * A resize of a drive that may not have come to its end: the sidecar has had the new size since
 * before the drive, and what it says of the drive tells the size before. Bytes.
 */
export interface UnfinishedResize {
  readonly from: number;
  /** Of the image. */
  readonly to: number;
}

export function findUnfinishedResize({
  control: found,
  virtualSize: to,
}: Pick<ImageMetadata, 'control' | 'virtualSize'>): UnfinishedResize | undefined {
  if (found === undefined || 'problem' in found || found.control.state !== 'busy') return undefined;
  const from = found.control.drive.size;
  return imageSizeFor(from) === to ? undefined : { from, to };
}

/** What a sidecar has to fit. */
export interface SizedDrive {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Bytes of the disk that the bitmaps of a sidecar are for. Other than the drive's where the drive
 * did not come to be resized.
 * @throws SIDECAR_MISMATCH: it is for a drive of another size
 */
export function bitmapSizeFor(image: ImageMetadata, drive: SizedDrive, label: string): number {
  if (image.virtualSize === imageSizeFor(drive.size)) return drive.size;
  if (findUnfinishedResize(image)?.from === drive.size) return image.virtualSize;
  throw new TidemarkError(
    'SIDECAR_MISMATCH',
    `${label} is for a drive of ${image.virtualSize} bytes, and ${drive.label} has ${drive.size}`,
    {
      where: label,
      hint: 'name the sidecar of this drive, or make a new one and begin with a full backup',
    },
  );
}
