import { corrupt } from '../format/corrupt.ts';
import { toHex } from '../format/digest.ts';
import type { BlobReader } from '../blobs/blob-reader.ts';
import { DIGEST_SIZE } from '../format/limits.ts';
import type { MapRun, MapSource } from '../map/map-reader.ts';
import { walkMap } from '../map/map-reader.ts';
import type { PointManifest } from '../format/manifest.ts';

/** The map of a point, read blob by blob. */
export function mapOf({ drive, granularity, map }: PointManifest, reader: BlobReader): MapSource {
  return {
    drive: { size: drive.size, granularity },
    root: map,
    readNode: async (digest) => reader.read(digest),
  };
}

/**
 * Reads the whole map, and looks whether every block that it names is in a pack that is there, with
 * the length it has to have. @throws BACKUP_CORRUPT
 */
export async function checkMap(manifest: PointManifest, reader: BlobReader): Promise<void> {
  for await (const run of walkMap(mapOf(manifest, reader))) checkRun(run, manifest, reader);
}

function checkRun(
  { first, digests }: MapRun,
  { drive, granularity }: PointManifest,
  reader: BlobReader,
): void {
  if (digests === undefined) return;
  for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
    const digest = digests.subarray(at, at + DIGEST_SIZE);
    const offset = (first + at / DIGEST_SIZE) * granularity;
    const { length } = reader.place(digest);
    if (length === Math.min(granularity, drive.size - offset)) continue;
    throw corrupt(toHex(digest), `the block for offset ${offset} has ${length} bytes`);
  }
}
