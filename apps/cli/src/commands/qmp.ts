import { buildCommand } from '@stricli/core';
import { jsonFlag, withExamples } from '../flags.ts';
import type { OutputFlags } from '../output.ts';
import { say } from '../say.ts';
import { socketPositional } from './ctl/positionals.ts';

export const qmp = buildCommand<OutputFlags, [socket: string, command?: string, args?: string]>({
  async func(_flags, socket, command, args) {
    const { runLines, runOne } = await import('../control/talk.ts');
    const sayLine = (line: string) => say(1, `${line}\n`);
    if (command === undefined) await runLines(socket, process.stdin, sayLine);
    else sayLine(JSON.stringify(await runOne(socket, [command, args].join(' ')), null, 2));
  },
  parameters: {
    flags: { json: { ...jsonFlag, brief: 'print JSON, errors too' } },
    positional: {
      kind: 'tuple',
      parameters: [
        socketPositional,
        {
          brief: 'a QMP command, or a request; left out, lines of standard input are run',
          placeholder: 'COMMAND',
          parse: String,
          optional: true,
        },
        {
          brief: 'its arguments, a JSON object',
          placeholder: 'ARGUMENTS',
          parse: String,
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'run QMP commands on a running daemon',
    fullDescription: withExamples(
      [
        'Prints what the command returns as JSON. Without a command, each line of standard input is one:',
        'a request as QMP has it, or a command and a JSON object. Replies and events are lines of JSON.',
        'Works with tidemarkd, qemu-storage-daemon and QEMU.',
      ],
      [
        'tidemark qmp /run/vm.qmp query-jobs',
        `tidemark qmp /run/vm.qmp block-dirty-bitmap-clear '{"node": "vm", "name": "nightly"}'`,
        'tidemark qmp /run/vm.qmp < commands.txt',
      ],
    ),
  },
});
