import { allPoints } from '@tidemark/repository';
import { isTidemarkError } from '@tidemark/core';
import { pointAsJson } from './describe-points.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

/** All restore points, by drive, oldest first. One whose manifest is damaged says so. */
export async function listPoints(place: string, flags: RepositoryFlags) {
  return withRepository(place, flags, async (repository) => {
    const points = [];
    for (const point of allPoints(await repository.readRoot())) {
      try {
        const manifest = await repository.readManifest(point.id);
        points.push({ ...pointAsJson(point, manifest), problem: null });
      } catch (error) {
        if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
        const { code, message } = error;
        const { number, id, created, drive } = point;
        points.push({ point: number, id, created, drive, problem: { code, message } });
      }
    }
    return points;
  });
}

export type ListedPoint = Awaited<ReturnType<typeof listPoints>>[number];
