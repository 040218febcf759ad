import { buildCommand } from '@stricli/core';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  namePositional,
  withExamples,
} from '../../flags.ts';
import { DEFAULT_COLUMNS, type PictureFlags, pictureFlags } from '../../picture/flags.ts';

interface Flags extends DriveFlags, PictureFlags {}

export const show = buildCommand<Flags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { withStore } = await import('../../session.ts');
    const { foldBitmap } = await import('@tidemark/picture');
    const { formatSize } = await import('@tidemark/program');
    const { showPicture } = await import('../../picture/show-picture.ts');
    const bitmap = await withStore(path, flags, { access: 'read', look: true }, (store) =>
      store.load(name),
    );
    const dirty = `${formatSize(bitmap.dirtyBytes)} of ${formatSize(bitmap.diskSize)} dirty`;
    const picture = foldBitmap(bitmap, {
      title: `${name}: ${dirty}`,
      description: `The disk from its start to its end, row by row: ${dirty}.`,
      columns: flags.columns ?? DEFAULT_COLUMNS,
      label: formatSize,
    });
    showPicture(picture, flags);
  },
  parameters: {
    flags: {
      format: driveFlags.format,
      sidecar: driveFlags.sidecar,
      checkpoints: driveFlags.checkpoints,
      ...pictureFlags,
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'draw where a bitmap is dirty',
    fullDescription: withExamples(
      [
        'Draws the disk row by row, darker where more is dirty; anything dirty shows, however little. In',
        'colour on a terminal that has colours, in plain characters elsewhere, or into a file.',
      ],
      [
        'tidemark bitmap show vm.qcow2 nightly',
        'tidemark bitmap show vm.qcow2 nightly --columns 120 --colour always | less -R',
        'tidemark bitmap show vm.qcow2 nightly --svg nightly.svg --png nightly.png',
      ],
    ),
  },
});
