import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { cancellable } from '../../progress.ts';

export const check = buildCommand<OutputFlags, [directory: string]>({
  async func(flags, directory) {
    const { verify } = await import('@tidemark/backup');
    const report = await cancellable((signal) => verify({ directory, signal }));
    const value = {
      points: report.points,
      dataBytes: report.dataBytes,
      problems: report.problems.map(({ point, error, ranges }) => {
        return { point, code: error.code, message: error.message, ranges };
      }),
    };
    print(flags, value, ({ points, dataBytes, problems }) => [
      `read ${formatSize(dataBytes)} in ${points.length} restore points: ${problems.length} problems`,
      ...problems.map(({ point, message }) => `${point}: ${message}`),
    ]);
    const first = report.problems[0];
    if (first !== undefined) throw first.error;
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
    brief: 'read every restore point whole and check every digest',
    fullDescription: withExamples('Proves that everything in a directory can be restored.', [
      'tidemark repo check backups/vm',
    ]),
  },
});
