import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { formatSize, parseSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { notice, type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly shrink?: boolean;
}

export const resize = buildCommand<Flags, [drive: string, size: number]>({
  async func({ shrink = false, ...flags }, path, size) {
    const { openDrive, resizeDriveSidecar } = await import('@tidemark/drive');
    if (!shrink) {
      const { device } = await openDrive(path, { format: 'raw', lock: false, onNotice: notice });
      const before = device.size;
      await device.close();
      if (size < before) throw wouldShrink(path, before, size);
    }
    const done = await resizeDriveSidecar(path, { ...flags, size, onNotice: notice });
    print(flags, done, () => [
      `drive '${done.drive}' and sidecar '${done.sidecar}' had ${formatSize(done.from)}, ` +
        `and have ${formatSize(done.to)} now`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      shrink: {
        kind: 'boolean',
        brief: 'what lies behind the new end may go',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { f: 'format' },
    positional: {
      kind: 'tuple',
      parameters: [
        drivePositional,
        { brief: 'new size of the drive', placeholder: 'SIZE', parse: parseSize },
      ],
    },
  },
  docs: {
    brief: 'change the size of a raw drive and of its sidecar',
    fullDescription: withExamples(
      [
        'Gives a raw file and its sidecar another size together. A drive that is resized alone no longer',
        'fits its sidecar. What is added counts as changed in every bitmap; what is cut off is gone.',
      ],
      ['tidemark sidecar resize disk.raw 20G', 'tidemark sidecar resize disk.raw 5G --shrink'],
    ),
  },
});

function wouldShrink(where: string, from: number, to: number): TidemarkError {
  const sizes = `${formatSize(from)}, and ${formatSize(to)} is less`;
  return new TidemarkError('USAGE', `'${where}' has ${sizes}`, {
    where,
    hint: 'say --shrink if what lies behind the new end may go',
  });
}
