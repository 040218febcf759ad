import { buildCommand } from '@stricli/core';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { count, notice, type OutputFlags, print } from '../../output.ts';

export const lend = buildCommand<DriveFlags & OutputFlags, [drive: string]>({
  async func(flags, path) {
    const { lendDriveSidecar } = await import('@tidemark/drive');
    const lent = await lendDriveSidecar(path, { ...flags, onNotice: notice });
    print(flags, lent, () => [
      `lent '${lent.drive}' to QEMU with ${count(lent.bitmaps.length, 'bitmap')}: it may run on ` +
        `'${lent.sidecar}', and nothing else may write the drive until it has ended`,
      ...lent.inconsistent.map(({ name, reason }) => `bitmap '${name}' is inconsistent: ${reason}`),
    ]);
  },
  parameters: {
    flags: driveFlags,
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'hand a drive to QEMU, which runs on its sidecar',
    fullDescription: withExamples(
      [
        'To be run each time before QEMU starts on a sidecar of the kind data-file. Makes sure that the',
        'drive is as its bitmaps know it, and notes that from now on QEMU alone writes it. When QEMU has',
        'ended, the next command takes the drive back with what QEMU has recorded. Without this, bitmaps',
        'are inconsistent after QEMU has written the drive: nothing else could tell what else was written.',
      ],
      ['tidemark sidecar lend disk.raw'],
    ),
  },
});
