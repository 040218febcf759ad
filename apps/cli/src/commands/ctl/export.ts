import { buildCommand } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { nodePositional, socketPositional } from './positionals.ts';

interface ExportFlags extends OutputFlags {
  readonly id?: string;
  readonly name?: string;
  readonly bitmap?: readonly string[];
  readonly writable?: boolean;
}

const text = { kind: 'parsed', parse: String, optional: true } as const;

export const addExport = buildCommand<ExportFlags, [socket: string, node: string]>({
  async func(flags, socket, node) {
    const { withControl } = await import('../../control/with-control.ts');
    const { id = node, name = node, bitmap = [], writable = false } = flags;
    const added = {
      type: 'nbd',
      id,
      'node-name': node,
      name,
      writable,
      bitmaps: [...bitmap],
    } as const;
    await withControl(socket, (control) => control.call('block-export-add', added));
    print(flags, added, () => [`'${node}' is export '${name}', with the id '${id}'`]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      id: { ...text, brief: "id of the export; left out, the drive's name", placeholder: 'ID' },
      name: { ...text, brief: 'what NBD clients call it', placeholder: 'NAME' },
      bitmap: {
        ...text,
        variadic: true,
        brief: 'a bitmap that clients can read; busy meanwhile',
        placeholder: 'NAME',
      },
      writable: {
        kind: 'boolean',
        brief: 'let clients write',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { b: 'bitmap' },
    positional: { kind: 'tuple', parameters: [socketPositional, nodePositional] },
  },
  docs: {
    brief: 'serve a drive of a running daemon over NBD',
    fullDescription: withExamples(
      ["The daemon's NBD server has to run: --nbd-server, or QMP's nbd-server-start."],
      ['tidemark ctl export /run/vm.qmp vm --bitmap copying'],
    ),
  },
});

export const removeExport = buildCommand<
  OutputFlags & { readonly hard?: boolean },
  [socket: string, id: string]
>({
  async func(flags, socket, id) {
    const { withControl } = await import('../../control/with-control.ts');
    const mode = flags.hard === true ? 'hard' : 'safe';
    await withControl(socket, (control) => control.call('block-export-del', { id, mode }));
    print(flags, { id }, () => [`export '${id}' is gone`]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      hard: {
        kind: 'boolean',
        brief: 'hang up on clients that use it',
        optional: true,
        withNegated: false,
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        socketPositional,
        { brief: 'id of the export', placeholder: 'ID', parse: String },
      ],
    },
  },
  docs: {
    brief: 'serve a drive of a running daemon no longer',
    fullDescription: withExamples(
      ['Refused while clients use it, unless --hard says so.'],
      ['tidemark ctl unexport /run/vm.qmp vm'],
    ),
  },
});
