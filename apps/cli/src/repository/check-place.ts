import { type CheckReport, checkRepository } from '@tidemark/repository';
import { formatSize } from '@tidemark/program';
import { longWork } from '../long-work.ts';
import { count } from '../output.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

interface Flags extends RepositoryFlags {
  readonly quick?: boolean;
}

/** Checks all that is in a repository. */
export async function checkPlace(place: string, flags: Flags) {
  const found = await withRepository(place, flags, async (repository) =>
    longWork('check', (signal, progress) =>
      checkRepository({
        repository,
        readData: flags.quick !== true,
        signal,
        onProgress: ({ done, total }) => progress.update(done, total),
      }),
    ),
  );
  return { report: asJson(found), first: found.problems[0]?.error };
}

function asJson({ points, problems, ...counts }: CheckReport) {
  return {
    points: points.map(({ id, number, drive }) => ({ point: number, id, drive: drive.id })),
    ...counts,
    problems: problems.map(({ point, error, ranges }) => ({
      point: point?.number ?? null,
      drive: point?.drive.id ?? null,
      code: error.code,
      message: error.message,
      ranges,
    })),
  };
}

export function describeCheck(report: ReturnType<typeof asJson>): readonly string[] {
  const { points, packs, readBytes, problems } = report;
  return [
    `read ${formatSize(readBytes)} of ${count(packs, 'pack')} for ${count(points.length, 'restore point')}: ` +
      (problems.length === 0 ? 'all is well' : count(problems.length, 'problem')),
    ...problems.map(({ point, drive, message }) =>
      point === null ? message : `${drive}, restore point ${point}: ${message}`,
    ),
  ];
}
