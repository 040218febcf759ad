import { buildCommand } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';
import { socketPositional } from './positionals.ts';

export const exports = buildCommand<OutputFlags, [socket: string]>({
  async func(flags, socket) {
    const { withControl } = await import('../../control/with-control.ts');
    const listed = await withControl(socket, (control) => control.call('query-block-exports'));
    print(flags, listed, () =>
      table([
        ['ID', 'TYPE', 'NODE'],
        ...listed.map(({ id, type, 'node-name': node }) => [id, type, node]),
      ]),
    );
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: 'tuple', parameters: [socketPositional] },
  },
  docs: {
    brief: 'list what a running daemon serves',
    fullDescription: withExamples(
      ['Lists the exports of a daemon.'],
      ['tidemark ctl exports /run/vm.qmp'],
    ),
  },
});
