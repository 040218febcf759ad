import { buildCommand, type Command, type CommandContext } from '@stricli/core';
import { jsonFlag, namePositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { nodePositional, socketPositional } from './positionals.ts';

/** A command that changes one bitmap of a running daemon, and how it speaks of that. */
interface Change {
  readonly verb: 'remove' | 'clear' | 'enable' | 'disable';
  /** As in `cleared bitmap 'a'`. */
  readonly done: string;
  readonly brief: string;
}

function changeCommand({ verb, done, brief }: Change): Command<CommandContext> {
  return buildCommand<OutputFlags, [socket: string, node: string, name: string]>({
    async func(flags, socket, node, name) {
      const { withControl } = await import('../../control/with-control.ts');
      await withControl(socket, (control) =>
        control.call(`block-dirty-bitmap-${verb}`, { node, name }),
      );
      print(flags, { node, name }, () => [`${done} bitmap '${name}' of '${node}'`]);
    },
    parameters: {
      flags: { json: jsonFlag },
      positional: {
        kind: 'tuple',
        parameters: [socketPositional, nodePositional, namePositional],
      },
    },
    docs: {
      brief,
      fullDescription: withExamples(
        ['The drive is used meanwhile. A bitmap that a job or an export uses is busy.'],
        [`tidemark ctl ${verb} /run/vm.qmp vm nightly`],
      ),
    },
  });
}

export const remove = changeCommand({
  verb: 'remove',
  done: 'removed',
  brief: 'remove a bitmap of a running daemon',
});
export const clear = changeCommand({
  verb: 'clear',
  done: 'cleared',
  brief: 'clean a bitmap of a running daemon: nothing counts as changed from here on',
});
export const enable = changeCommand({
  verb: 'enable',
  done: 'enabled',
  brief: 'let a bitmap of a running daemon record',
});
export const disable = changeCommand({
  verb: 'disable',
  done: 'disabled',
  brief: 'let a bitmap of a running daemon record no longer',
});
