import type { BlockDevice } from '@tidemark/block';

const STEP = 1024 * 1024;

interface Content {
  readonly size: number;
  readonly read?: BlockDevice['read'];
  readonly extents?: BlockDevice['extents'];
}

/**
 * Where a drive is not zero in a range that has to be; undefined: nowhere. Holes are not read. What
 * cannot be read is taken for different.
 */
export async function firstDifference(
  drive: Content,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<number | undefined> {
  // The image counts whole sectors, the drive bytes.
  const inside = Math.max(0, Math.min(length, drive.size - offset));
  if (inside === 0) return undefined;
  if (drive.read === undefined || drive.extents === undefined) return offset;
  for await (const extent of drive.extents(offset, inside)) {
    if (extent.zero) continue;
    const at = await firstByte(drive.read.bind(drive), extent);
    if (at !== undefined) return at;
  }
  return undefined;
}

async function firstByte(
  read: BlockDevice['read'],
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<number | undefined> {
  const buffer = new Uint8Array(Math.min(STEP, length));
  for (let done = 0; done < length; done += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, length - done));
    await read(bytes, offset + done);
    const zeros = Buffer.alloc(bytes.length);
    if (Buffer.compare(bytes, zeros) === 0) continue;
    return offset + done + bytes.findIndex((byte) => byte !== 0);
  }
  return undefined;
}
