import { planRepositoryRescan, trustedFor } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import { notice } from '../output.ts';
import type { RescanOptions, RescanSource } from '../rescan-drive.ts';
import { withRepository } from './open-place.ts';

/** The digests of a restore point in a repository, which is open while `work` runs. */
export async function withDigests<T>(
  path: string,
  place: string,
  options: RescanOptions,
  work: (find: (size: number) => Promise<RescanSource>) => Promise<T>,
): Promise<T> {
  const { bitmap, point, driveId } = options;
  return withRepository(place, options, async (repository) =>
    work(async (size) => {
      const drive = { id: driveId ?? (await idOf(path)) };
      const digests = await planRepositoryRescan(repository, { drive, size, bitmap, point });
      for (const { number, problem } of digests.passedOver) {
        notice(`restore point ${number} is passed over, it cannot be read: ${problem}`);
      }
      return {
        ...digests,
        point: String(digests.point.number),
        findTrust: async (tracked) => {
          const found = await trustedFor(repository, digests, await tracked.list());
          if (found !== undefined) return found;
          return { reason: 'no other bitmap proves what was written since a restore point' };
        },
      };
    }),
  );
}
