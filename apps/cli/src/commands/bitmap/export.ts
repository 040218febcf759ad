import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly bitmap: readonly string[];
  readonly output: string;
  readonly force?: boolean;
}

export const exportCommand = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { exportBitmaps } = await import('@tidemark/drive');
    const { withStore } = await import('../../session.ts');
    const { bitmap: names, output, force = false } = flags;
    const exported = await withStore(path, flags, { access: 'read' }, (store, { drive }) =>
      exportBitmaps({ drive, store, names, path: output, force }),
    );
    print(flags, { file: output, bitmaps: exported }, () =>
      exported.map(({ name, dirtyBytes, isUntrusted }) => {
        const what = isUntrusted ? 'all dirty, for it is inconsistent' : formatSize(dirtyBytes);
        return `exported bitmap '${name}' (${what}) to '${output}'`;
      }),
    );
  },
  parameters: {
    flags: {
      ...driveFlags,
      bitmap: {
        kind: 'parsed',
        parse: String,
        variadic: true,
        brief: 'name of a bitmap; may be given several times',
        placeholder: 'NAME',
      },
      output: { kind: 'parsed', parse: String, brief: 'the new file', placeholder: 'FILE' },
      force: {
        kind: 'boolean',
        brief: 'export a bitmap that is inconsistent as all dirty',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { b: 'bitmap', o: 'output', f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'write bitmaps of a drive into a file',
    fullDescription: withExamples(
      [
        'The file has bits, flags and checkpoints of bitmaps at rest, a checksum, and what tells later',
        'whether the drive was written since. See docs/bitmap-file.md.',
      ],
      ['tidemark bitmap export vm.qcow2 --bitmap nightly --output vm.bitmaps'],
    ),
  },
});
