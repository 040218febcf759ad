import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import type { ControlledBitmap } from '../../control/queries.ts';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';
import { nodePositional, socketPositional } from './positionals.ts';

export const bitmaps = buildCommand<OutputFlags, [socket: string, node?: string]>({
  async func(flags, socket, node) {
    const { withControl } = await import('../../control/with-control.ts');
    const { listControlledBitmaps } = await import('../../control/queries.ts');
    const listed = await withControl(socket, (control) => listControlledBitmaps(control, node));
    print(flags, listed, describe);
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [socketPositional, { ...nodePositional, optional: true }],
    },
  },
  docs: {
    brief: 'list the bitmaps of a running daemon',
    fullDescription: withExamples(
      ['Lists the bitmaps of all drives of a daemon, or of one.'],
      ['tidemark ctl bitmaps /run/vm.qmp', 'tidemark ctl bitmaps /run/vm.qmp vm --json'],
    ),
  },
});

function describe(listed: readonly ControlledBitmap[]): readonly string[] {
  return table([
    ['NODE', 'NAME', 'GRANULARITY', 'DIRTY', 'STATE'],
    ...listed.map((bitmap) => [
      bitmap.node,
      bitmap.name,
      formatSize(bitmap.granularity),
      formatSize(bitmap.dirtyBytes),
      stateOf(bitmap),
    ]),
  ]);
}

function stateOf({ recording, persistent, busy, inconsistent }: ControlledBitmap): string {
  const words = [inconsistent ? 'inconsistent' : recording ? 'recording' : 'disabled'];
  if (!persistent) words.push('in memory');
  if (busy) words.push('busy');
  return words.join(', ');
}
