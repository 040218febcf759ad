import { type FiledBitmap, TidemarkError } from '@tidemark/core';
import { originOf, writeBitmapFile } from '@tidemark/drive';
import type { TrackedDrive } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import type { BlockNode } from './block-node.ts';

const MAX_BITMAPS = 1024;

/**
 * Writes bitmaps of a node that is in use into a file, as `exportBitmaps` does of a drive at rest.
 * Requests wait while bits and what tells of the drive are taken, so that both are of one instant:
 * what is written afterwards is seen at the import. The file is there whole and durable, or not.
 * @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_BUSY (one that is frozen), FILE_EXISTS,
 *   USAGE (names), I/O codes
 */
export async function exportNodeBitmaps(
  node: BlockNode,
  { names, path }: { readonly names: readonly string[]; readonly path: string },
): Promise<void> {
  if (names.length === 0 || names.length > MAX_BITMAPS || new Set(names).size < names.length) {
    throw refusal(`Parameter 'bitmaps' expects 1 to ${MAX_BITMAPS} names, each once`);
  }
  await node.drive();
  let taken: Parameters<typeof writeBitmapFile>[1] | undefined;
  await node.device.replace(async () => {
    const drive = node.tracked;
    if (drive === undefined) throw refusal(`Node '${node.name}' does not record now`);
    const { file, image, isLocal } = node.disk;
    const format = image === undefined ? 'raw' : 'qcow2';
    const origin = await originOf({ file, format, isRemote: !isLocal });
    const bitmaps: FiledBitmap[] = [];
    for (const name of names) bitmaps.push(await bitmapOf(drive, name));
    taken = { diskSize: drive.device.size, origin, bitmaps };
    return drive.device;
  });
  await writeBitmapFile(path, taken!);
}

async function bitmapOf(drive: TrackedDrive, name: string): Promise<FiledBitmap> {
  const content = (await drive.load(name)).clone();
  const info = (await drive.states()).find((each) => each.name === name);
  if (info?.frozen !== undefined) {
    // Its readers do not see what was written since.
    const hint = 'release it first';
    const text = `Bitmap '${name}' is frozen`;
    throw new TidemarkError('BITMAP_BUSY', text, { bitmap: name, hint });
  }
  const enabled = info?.recording === true;
  return { name, enabled, content, checkpoint: info?.checkpoint, isUntrusted: false };
}
