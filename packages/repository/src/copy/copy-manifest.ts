import { corrupt } from '../format/corrupt.ts';
import { sameDigest } from '../format/digest.ts';
import { decodeManifest, originOf, type PointManifest } from '../format/manifest.ts';
import { pointKey } from '../format/object-keys.ts';
import type { Repository } from '../repository.ts';
import type { CopyPointOptions } from './copy-point.ts';

const PROBE = new TextEncoder().encode('tidemark');

/** Whether the same bytes have the same digest in both: neither is encrypted, or they share a key. */
export function haveSameNames(from: Repository, to: Repository): boolean {
  return sameDigest(from.sealer.digest(PROBE), to.sealer.digest(PROBE));
}

/**
 * Durable when this resolves; nobody sees it before the root names it. The same bytes, and the same id,
 * where contents have the same names. `map`: of what was stored.
 */
export async function putCopy(
  { from, to, point, parent }: CopyPointOptions,
  map: string | null,
): Promise<{ readonly id: string; readonly manifest: PointManifest }> {
  const { id, manifest } = point;
  if (!haveSameNames(from, to)) {
    const copy = { ...manifest, parent, map, origin: originOf(id, manifest) };
    return { id: await to.putManifest(copy), manifest: copy };
  }
  if (map !== manifest.map) throw corrupt(pointKey(id), 'its map is not that of its content');
  const bytes = await from.readManifestBytes(id);
  return { id: await to.putManifestBytes(bytes), manifest: decodeManifest(bytes, pointKey(id)) };
}
