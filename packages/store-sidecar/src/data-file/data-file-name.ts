import type { BlockDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';

/** How a sidecar names the drive that is its data. */
export interface SidecarDataFile {
  /** A path as the sidecar has it. Undefined: it has none, and who opens it has to name one. */
  readonly name: string | undefined;
}

/**
 * What a sidecar says that its drive is called. Undefined: it is for bitmaps alone. The device stays
 * open. @throws IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT
 */
export async function readDataFile(device: BlockDevice): Promise<SidecarDataFile | undefined> {
  const image = await openQcow2(device, { skipBacking: true, allowDataFile: true });
  return image.dataMap?.dataFile;
}
