import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';
import { socketPositional } from './positionals.ts';

export const jobs = buildCommand<OutputFlags, [socket: string]>({
  async func(flags, socket) {
    const { withControl } = await import('../../control/with-control.ts');
    const listed = await withControl(socket, (control) => control.call('query-jobs'));
    print(flags, listed, () =>
      table([
        ['ID', 'TYPE', 'STATUS', 'DONE', 'OF', 'ERROR'],
        ...listed.map(({ id, type, status, error = '', ...job }) => [
          id,
          type,
          status,
          formatSize(job['current-progress']),
          formatSize(job['total-progress']),
          error,
        ]),
      ]),
    );
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [socketPositional] },
  },
  docs: {
    brief: 'list the jobs of a running daemon',
    fullDescription: withExamples(
      ['Lists what a daemon copies, and how far it is.'],
      ['tidemark ctl jobs /run/vm.qmp'],
    ),
  },
});
