import type { BlockDevice } from '@tidemark/block';
import { createQcow2 } from '@tidemark/qcow2';

export interface CreateSidecarOptions {
  /** Bytes of the drive. The image that the sidecar is has this size, rounded up to 512. */
  readonly diskSize: number;
  /** Bytes: a power of two, 512 to 2 MiB. Default 64 KiB. */
  readonly clusterSize?: number;
}

/**
 * Makes an empty sidecar of a device: a qcow2 image without data, for bitmaps alone. What the device
 * held is gone. The device stays open, and the sidecar is durable when this resolves.
 * @throws OUT_OF_RANGE (an option), NO_SPACE
 */
export async function createSidecar(
  device: BlockDevice,
  { diskSize, clusterSize }: CreateSidecarOptions,
): Promise<void> {
  await createQcow2(device, { size: diskSize, ...(clusterSize !== undefined && { clusterSize }) });
}
