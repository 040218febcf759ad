import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { createQcow2 } from '@tidemark/qcow2';
import { clusterSizeFor } from './data-file/cluster-size.ts';

/** What `createSidecar` makes. */
export interface CreateSidecarOptions {
  /** Bytes of the drive. The image that the sidecar is has this size, rounded up to 512. */
  readonly diskSize: number;
  /**
   * Bytes: a power of two, 512 to 2 MiB. Default 64 KiB; with a data file as large as fits the drive,
   * up to 2 MiB, since each cluster of the drive has an entry in the sidecar.
   */
  readonly clusterSize?: number;
  /**
   * The sidecar is an image that QEMU can run on: the drive is its data. `name`: the drive's path,
   * absolute, since QEMU takes others relative to the folder that it runs in. Default: bitmaps alone.
   */
  readonly dataFile?: { readonly name: string };
}

/**
 * Makes an empty sidecar of a device: a qcow2 image without data, for bitmaps alone. What the device
 * held is gone; the drive is not touched. The device stays open, and the sidecar is durable when this
 * resolves. @throws OUT_OF_RANGE (an option), NO_SPACE
 */
export async function createSidecar(
  device: BlockDevice,
  { diskSize, dataFile, ...options }: CreateSidecarOptions,
): Promise<void> {
  if (dataFile !== undefined) assertWholeSectors(diskSize);
  const clusterSize = options.clusterSize ?? clusterSizeFor(diskSize, dataFile !== undefined);
  await createQcow2(device, { size: diskSize, clusterSize, ...(dataFile && { dataFile }) });
}

/** QEMU would lengthen the drive at its first write to the last sector. @throws OUT_OF_RANGE */
export function assertWholeSectors(diskSize: number): void {
  if (diskSize % 512 === 0) return;
  throw new TidemarkError('OUT_OF_RANGE', `QEMU cannot run on a drive of ${diskSize} bytes`, {
    hint: 'lengthen the drive to a multiple of 512 bytes first',
  });
}
