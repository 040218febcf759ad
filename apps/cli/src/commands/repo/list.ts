import { buildCommand } from '@stricli/core';
import type { RestorePoint } from '@tidemark/backup';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
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
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'directory of restore points', placeholder: 'DIRECTORY', parse: String },
      ],
    },
  },
  docs: {
    brief: 'list the restore points of a directory',
    fullDescription: withExamples('Lists restore points, oldest first, and why each is what it is.', [
      'tidemark repo list backups/vm',
    ]),
  },
});

const HEADINGS = ['POINT', 'CREATED', 'STORED', 'REASON'];

function summarize(point: RestorePoint) {
  const { name, kind } = point;
  if ('problem' in point) return { point: name, kind, problem: point.problem.message };
  const { created, reason, parent, totals, bitmap, drive } = point.manifest;
  const { digest } = point;
  return { point: name, kind, created, reason, parent, digest, bitmap, drive, totals };
}

function row(point: ReturnType<typeof summarize>): readonly string[] {
  if ('problem' in point) return [point.point, '-', '-', `damaged: ${point.problem}`];
  return [point.point, point.created, formatSize(point.totals.dataBytes), point.reason];
}
