import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import type { ControlledDrive } from '../../control/queries.ts';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';
import { socketPositional } from './positionals.ts';

interface Flags extends OutputFlags {
  readonly all?: boolean;
}

export const drives = buildCommand<Flags, [socket: string]>({
  async func(flags, socket) {
    const { withControl } = await import('../../control/with-control.ts');
    const { listDrives } = await import('../../control/queries.ts');
    const { all = false } = flags;
    print(flags, await withControl(socket, (control) => listDrives(control, { all })), describe);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      all: {
        kind: 'boolean',
        brief: 'with the nodes inside other ones',
        optional: true,
        withNegated: false,
      },
    },
    positional: { kind: 'tuple', parameters: [socketPositional] },
  },
  docs: {
    brief: 'list the drives of a running daemon',
    fullDescription: withExamples(
      ['Lists the nodes of a daemon that have a name.'],
      ['tidemark ctl drives /run/vm.qmp'],
    ),
  },
});

function describe(listed: readonly ControlledDrive[]): readonly string[] {
  return table([
    ['NODE', 'DRIVER', 'SIZE', 'BITMAPS', 'FILE'],
    ...listed.map(({ node, driver, size, bitmaps, file, readOnly }) => [
      node,
      driver,
      formatSize(size),
      String(bitmaps),
      readOnly ? `${file} (read-only)` : file,
    ]),
  ]);
}
