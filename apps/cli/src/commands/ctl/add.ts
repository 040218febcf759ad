import { buildCommand } from '@stricli/core';
import { granularityFlag, jsonFlag, namePositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { nodePositional, socketPositional } from './positionals.ts';

interface Flags extends OutputFlags {
  readonly granularity?: number;
  readonly transient?: boolean;
  readonly disabled?: boolean;
}

export const add = buildCommand<Flags, [socket: string, node: string, name: string]>({
  async func(flags, socket, node, name) {
    const { withControl } = await import('../../control/with-control.ts');
    const { granularity, transient = false, disabled = false } = flags;
    const bitmap = {
      node,
      name,
      persistent: !transient,
      disabled,
      ...(granularity !== undefined && { granularity }),
    };
    await withControl(socket, (control) => control.call('block-dirty-bitmap-add', bitmap));
    print(flags, bitmap, () => [`added bitmap '${name}' to '${node}'`]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      granularity: granularityFlag,
      transient: {
        kind: 'boolean',
        brief: 'keep it in memory; it ends with the daemon',
        optional: true,
        withNegated: false,
      },
      disabled: {
        kind: 'boolean',
        brief: 'let it record nothing yet',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { g: 'granularity' },
    positional: { kind: 'tuple', parameters: [socketPositional, nodePositional, namePositional] },
  },
  docs: {
    brief: 'add a bitmap to a drive of a running daemon',
    fullDescription: withExamples(
      ['It records from the instant of the command on, and is kept beyond the end of the daemon.'],
      ['tidemark ctl add /run/vm.qmp vm nightly'],
    ),
  },
});
