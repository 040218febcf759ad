import { buildCommand } from '@stricli/core';
import { type DriveFlags, driveFlags, namePositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

export const merge = buildCommand<
  DriveFlags & OutputFlags,
  [drive: string, target: string, ...sources: string[]]
>({
  async func(flags, path, target, ...sources) {
    const { withStore } = await import('../../session.ts');
    const merged = await withStore(path, flags, { access: 'bitmaps' }, async (store) => {
      await store.commit([{ op: 'merge', name: target, sources }]);
      return { target, sources, store: store.label };
    });
    const names = sources.map((source) => `'${source}'`).join(', ');
    print(flags, merged, () => [`merged ${names} into '${target}' in ${merged.store}`]);
  },
  parameters: {
    flags: driveFlags,
    aliases: { f: 'format' },
    positional: {
      kind: 'array',
      parameter: {
        ...namePositional,
        brief: 'the drive, the bitmap to add to, then the bitmaps to add',
        placeholder: 'DRIVE TARGET SOURCE',
      },
      minimum: 3,
    },
  },
  docs: {
    customUsage: ['<DRIVE> <TARGET> <SOURCE>...'],
    brief: 'add what other bitmaps call dirty to one',
    fullDescription: withExamples(
      [
        'Makes the target dirty wherever it or a source is. The sources stay as they are.',
        'Granularities may differ: what a source calls dirty is widened to whole granules.',
      ],
      ['tidemark bitmap merge vm.qcow2 weekly monday tuesday'],
    ),
  },
});
