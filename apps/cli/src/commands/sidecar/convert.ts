import { buildCommand } from '@stricli/core';
import type { SidecarKind } from '@tidemark/drive';
import { formatSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { notice, type OutputFlags, print } from '../../output.ts';
import { KIND_TEXTS, kindValues } from './kind.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly to: SidecarKind;
}

export const convert = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { convertDriveSidecar } = await import('@tidemark/drive');
    const done = await convertDriveSidecar(path, { ...flags, kind: flags.to, onNotice: notice });
    const what = `sidecar '${done.sidecar}'`;
    print(flags, done, () => [
      done.isChanged
        ? `${what} is ${KIND_TEXTS[done.kind]} now, of ${formatSize(done.size)}`
        : `${what} was ${KIND_TEXTS[done.kind]} already`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      to: {
        kind: 'enum',
        values: kindValues,
        brief: 'plain: for bitmaps alone; data-file: QEMU can run on it',
      },
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'change the kind of a sidecar, with all its bitmaps',
    fullDescription: withExamples(
      [
        'Turns a plain sidecar into one that QEMU can run on, or back. All bitmaps stay as they are; the',
        'drive is not touched. In a power cut the sidecar is of the old kind or of the new one.',
      ],
      [
        'tidemark sidecar convert disk.raw --to data-file',
        'tidemark sidecar convert disk.raw --to plain',
      ],
    ),
  },
});
