import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { jsonFlag, pointsPositional, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import { type RepositoryFlags, secretFlags } from '../../repository/flags.ts';
import { refuseRepositoryFlags } from '../../repository/refuse-flags.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly quick?: boolean;
}

export const check = buildCommand<Flags, [directory: string]>({
  async func(flags, directory) {
    const { holdsRepository } = await import('../../repository/open-place.ts');
    if (await holdsRepository(directory)) {
      const { checkPlace, describeCheck } = await import('../../repository/check-place.ts');
      const { report, first } = await checkPlace(directory, flags);
      print(flags, report, describeCheck);
      if (first !== undefined) throw first;
      return;
    }
    refuseRepositoryFlags(directory, flags);
    const { openBackupDirectory, verify } = await import('@tidemark/backup');
    const { longWork } = await import('../../long-work.ts');
    let total = 0;
    for (const point of await (await openBackupDirectory(directory)).list()) {
      if ('manifest' in point) total += point.manifest.totals.dataBytes;
    }
    const report = await longWork('check', (signal, progress) =>
      verify({
        directory,
        signal,
        onProgress: ({ dataBytes }) => progress.update(dataBytes, total),
      }),
    );
    const value = {
      points: report.points,
      dataBytes: report.dataBytes,
      problems: report.problems.map(({ point, error, ranges }) => {
        return { point, code: error.code, message: error.message, ranges };
      }),
    };
    print(flags, value, ({ points, dataBytes, problems }) => [
      `read ${formatSize(dataBytes)} in ${count(points.length, 'restore point')}: ` +
        (problems.length === 0 ? 'all is well' : count(problems.length, 'problem')),
      ...problems.map(({ point, message }) => `${point}: ${message}`),
    ]);
    const first = report.problems[0];
    if (first !== undefined) throw first.error;
  },
  parameters: {
    flags: {
      json: jsonFlag,
      quick: {
        kind: 'boolean',
        brief: 'of a repository: read no blocks, only whether they are there',
        optional: true,
        withNegated: false,
      },
      ...secretFlags,
    },
    positional: { kind: 'tuple', parameters: [pointsPositional] },
  },
  docs: {
    brief: 'read every restore point whole and check every digest',
    fullDescription: withExamples(
      ['Proves that everything in a directory or a repository can be restored.'],
      ['tidemark repo check backups/vm'],
    ),
  },
});
