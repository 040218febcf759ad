import { isTidemarkError } from '@tidemark/core';
import { originOf, type PointManifest } from '../format/manifest.ts';
import type { RootDrive, RootPoint } from '../format/root.ts';
import type { Repository } from '../repository.ts';

/**
 * The copy of a point among those of its drive in another repository: it has the same id where contents
 * have the same names there, else its manifest tells whose copy it is. Undefined: there is none.
 * @throws BACKUP_CORRUPT: of the manifest of what may be the copy
 */
export async function findCopy(
  from: Repository,
  to: Repository,
  point: RootPoint,
  drive: RootDrive | undefined,
): Promise<RootPoint | undefined> {
  const points = drive?.points ?? [];
  const same = points.find(({ id }) => id === point.id);
  if (same !== undefined) return same;
  // A copy is of the same instant.
  const { created, checkpoint } = point;
  const alike = points.filter((it) => it.created === created && it.checkpoint === checkpoint);
  if (alike.length === 0) return undefined;
  const manifest = await readIfWhole(from, point.id);
  if (manifest === undefined) return undefined;
  const origin = originOf(point.id, manifest);
  for (const each of alike) {
    if (originOf(each.id, await to.readManifest(each.id)) === origin) return each;
  }
  return undefined;
}

async function readIfWhole(repository: Repository, id: string): Promise<PointManifest | undefined> {
  try {
    return await repository.readManifest(id);
  } catch (error) {
    if (isTidemarkError(error, 'BACKUP_CORRUPT')) return undefined;
    throw error;
  }
}
