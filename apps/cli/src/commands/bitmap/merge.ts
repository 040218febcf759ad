import { buildCommand } from '@stricli/core';
import {
  type DriveFlags,
  driveFlags,
  namePositional,
  withExamples,
} from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

export const merge = buildCommand<
  DriveFlags & OutputFlags,
  [drive: string, target: string, ...sources: string[]]
>({
  async func(flags, path, target, ...sources) {
    const { TidemarkError } = await import('@tidemark/core');
    if (target === undefined || sources.length === 0) {
      throw new TidemarkError('USAGE', 'merge needs a target and at least one source', {
        hint: 'tidemark bitmap merge DRIVE TARGET SOURCE...',
      });
    }
    const { withStore } = await import('../../session.ts');
    const merged = await withStore(path, flags, { access: 'bitmaps' }, async (store) => {
      const content = await store.load(target);
      for (const source of sources) content.merge(await store.load(source));
      await store.commit([{ op: 'store', name: target, content }]);
      return { target, sources, store: store.label };
    });
    print(flags, merged, () => [`merged ${sources.join(', ')} into '${target}' in ${merged.store}`]);
  },
  parameters: {
    flags: driveFlags,
    aliases: { f: 'format' },
    positional: {
      kind: 'array',
      parameter: { ...namePositional, brief: 'the drive, the target, then the sources', placeholder: 'DRIVE TARGET SOURCE' },
      minimum: 3,
    },
  },
  docs: {
    brief: 'add what other bitmaps call dirty to one',
    fullDescription: withExamples(
      'Makes the target dirty wherever it or a source is. Granularities may differ.',
      ['tidemark bitmap merge vm.qcow2 weekly monday tuesday'],
    ),
  },
});
