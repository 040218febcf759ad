import { buildCommand } from '@stricli/core';
import { jsonFlag, namePositional, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import { nodePositional } from './positionals.ts';

interface Flags extends OutputFlags {
  readonly bitmap: string;
  readonly to: string;
}

export const snapshot = buildCommand<Flags, string[]>({
  async func(flags, socket = '', ...nodes) {
    const { withControl } = await import('../../control/with-control.ts');
    const { snapshotBitmaps } = await import('../../control/snapshot.ts');
    const { bitmap: name, to: taken } = flags;
    const done = await withControl(socket, (control) =>
      snapshotBitmaps(control, { name, taken, nodes }),
    );
    print(flags, done, () => [
      `what bitmap '${name}' called dirty is in '${taken}', on ${count(nodes.length, 'drive')}`,
    ]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      bitmap: { kind: 'parsed', parse: String, brief: namePositional.brief, placeholder: 'NAME' },
      to: {
        kind: 'parsed',
        parse: String,
        brief: 'name of the new bitmap',
        placeholder: 'NAME',
      },
    },
    aliases: { b: 'bitmap' },
    positional: {
      kind: 'array',
      minimum: 2,
      parameter: {
        ...nodePositional,
        brief: 'SOCKET, then the drives',
        placeholder: 'SOCKET NODE',
      },
    },
  },
  docs: {
    brief: 'take what is dirty to another bitmap, and begin anew, at one instant on several drives',
    fullDescription: withExamples(
      [
        'The new bitmap stands still: a backup copies by it while the old one records. After the backup,',
        'remove the new one; after a failure, merge it back.',
      ],
      ['tidemark ctl snapshot /run/vm.qmp system data --bitmap nightly --to copying'],
    ),
  },
});
