import { buildCommand } from '@stricli/core';
import type { RestorePoint } from '@tidemark/backup';
import { formatSize } from '@tidemark/program';
import { directoryPositional, jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';

export const list = buildCommand<OutputFlags, [directory: string]>({
  async func(flags, path) {
    const { openBackupDirectory } = await import('@tidemark/backup');
    const directory = await openBackupDirectory(path);
    const points = (await directory.list()).map(summarize);
    print(flags, points, () =>
      points.length === 0 ? ['no restore points'] : table([HEADINGS, ...points.map(row)]),
    );
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [directoryPositional] },
  },
  docs: {
    brief: 'list the restore points of a directory',
    fullDescription: withExamples(
      ['Lists restore points, oldest first, and why each is what it is.'],
      ['tidemark repo list backups/vm', 'tidemark repo list backups/vm --json'],
    ),
  },
});

const HEADINGS = ['POINT', 'CREATED', 'STORED', 'REASON'];

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
