import { buildCommand } from '@stricli/core';
import type { RestorePoint } from '@tidemark/backup';
import { formatSize } from '@tidemark/program';
import { jsonFlag, pointsPositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';
import { type RepositoryFlags, secretFlags } from '../../repository/flags.ts';
import type { ListedPoint } from '../../repository/list-points.ts';
import { refuseRepositoryFlags } from '../../repository/refuse-flags.ts';

export const list = buildCommand<OutputFlags & RepositoryFlags, [directory: string]>({
  async func(flags, path) {
    const { holdsRepository } = await import('../../repository/open-place.ts');
    if (await holdsRepository(path)) {
      const { listPoints } = await import('../../repository/list-points.ts');
      const points = await listPoints(path, flags);
      print(flags, points, () =>
        points.length === 0
          ? ['no restore points']
          : table([REPOSITORY_HEADINGS, ...points.map(repositoryRow)]),
      );
      return;
    }
    refuseRepositoryFlags(path, flags);
    const { openBackupDirectory } = await import('@tidemark/backup');
    const directory = await openBackupDirectory(path);
    const points = (await directory.list()).map(summarize);
    print(flags, points, () =>
      points.length === 0 ? ['no restore points'] : table([HEADINGS, ...points.map(row)]),
    );
  },
  parameters: {
    flags: { json: jsonFlag, ...secretFlags },
    positional: { kind: 'tuple', parameters: [pointsPositional] },
  },
  docs: {
    brief: 'list the restore points of a directory or a repository',
    fullDescription: withExamples(
      ['Lists restore points, oldest first, and why each is what it is.'],
      ['tidemark repo list backups/vm', 'tidemark repo list backups/vm --json'],
    ),
  },
});

const HEADINGS = ['POINT', 'CREATED', 'STORED', 'REASON'];

const REPOSITORY_HEADINGS = ['DRIVE', 'POINT', 'ID', 'CREATED', 'NEW', 'REASON'];

function repositoryRow(listed: ListedPoint): readonly string[] {
  const { drive, point, id, created } = listed;
  const about = [drive.label, String(point), id.slice(0, 12), created];
  if (listed.problem !== null) return [...about, '-', `damaged: ${listed.problem.message}`];
  return [...about, formatSize(listed.totals.fresh), listed.reason];
}

function summarize(point: RestorePoint) {
  const { name, kind } = point;
  if ('problem' in point) {
    const { code, message } = point.problem;
    return { point: name, kind, problem: { code, message } };
  }
  const { created, reason, parent, totals, bitmap, drive } = point.manifest;
  const { digest } = point;
  return {
    point: name,
    kind,
    problem: null,
    created,
    reason,
    parent,
    digest,
    bitmap,
    drive,
    totals,
  };
}

function row(point: ReturnType<typeof summarize>): readonly string[] {
  const { problem } = point;
  if (problem !== null) return [point.point, '-', '-', `damaged: ${problem.message}`];
  return [point.point, point.created, formatSize(point.totals.dataBytes), point.reason];
}
