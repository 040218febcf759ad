import { buildCommand } from '@stricli/core';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { count, notice, type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly to?: string;
  readonly driveTo?: string;
}

const path = (brief: string) =>
  ({ kind: 'parsed', parse: String, brief, placeholder: 'FILE', optional: true }) as const;

export const move = buildCommand<Flags, [drive: string]>({
  async func(flags, drive) {
    const { moveDriveSidecar } = await import('@tidemark/drive');
    const moved = await moveDriveSidecar(drive, { ...flags, onNotice: notice });
    print(flags, moved, () => [
      `drive '${moved.drive}' has its sidecar at '${moved.sidecar}' now, ` +
        `with ${count(moved.bitmaps.length, 'bitmap')} that can be trusted`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      to: path('where the sidecar goes; left out, beside the drive if it was there'),
      driveTo: path('where the drive goes, on the same file system'),
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'move a sidecar, its drive, or both',
    fullDescription: withExamples(
      [
        'Gives the sidecar, the drive or both another path. A drive that is moved by other means looks',
        'changed to its sidecar; here the sidecar is told. Nothing is overwritten.',
      ],
      [
        'tidemark sidecar move disk.raw --to /var/lib/tidemark/disk.qcow2',
        'tidemark sidecar move disk.raw --drive-to vm/disk.raw',
      ],
    ),
  },
});
