import { buildCommand } from '@stricli/core';
import type { SidecarKind } from '@tidemark/drive';
import { formatSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { notice, type OutputFlags, print } from '../../output.ts';
import { KIND_TEXTS, kindValues } from './kind.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly kind?: SidecarKind;
}

export const create = buildCommand<Flags, [drive: string]>({
  async func({ kind = 'plain', ...flags }, path) {
    const { createDriveSidecar } = await import('@tidemark/drive');
    const made = await createDriveSidecar(path, { ...flags, kind, onNotice: notice });
    print(flags, made, () => [
      `made sidecar '${made.sidecar}' of ${formatSize(made.size)}, ${KIND_TEXTS[made.kind]}`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      kind: {
        kind: 'enum',
        values: kindValues,
        brief: 'plain: for bitmaps alone, the default; data-file: QEMU can run on it',
        optional: true,
      },
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'make the sidecar of a raw drive',
    fullDescription: withExamples(
      [
        'Makes an empty sidecar, bound to the drive as it is now; the drive is not touched. bitmap add',
        'makes a plain one by itself. One of the kind data-file is an image that has the drive for its',
        'data: QEMU can run on it, and records in the same bitmaps.',
      ],
      ['tidemark sidecar create disk.raw', 'tidemark sidecar create disk.raw --kind data-file'],
    ),
  },
});
