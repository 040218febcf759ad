import { buildCommand } from '@stricli/core';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  namePositional,
  withExamples,
} from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

export const remove = buildCommand<DriveFlags & OutputFlags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { withStore } = await import('../../session.ts');
    const removed = await withStore(path, flags, { access: 'bitmaps' }, async (store) => {
      await store.commit([{ op: 'remove', name }]);
      return { name, store: store.label };
    });
    print(flags, removed, () => [`removed bitmap '${name}' from ${removed.store}`]);
  },
  parameters: {
    flags: driveFlags,
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'remove a bitmap, an inconsistent one too',
    fullDescription: withExamples(
      [
        'Removes a bitmap and frees its space. It is the only way out of an inconsistent one: add the',
        'bitmap again, and the next backup is a full one.',
      ],
      ['tidemark bitmap remove vm.qcow2 nightly'],
    ),
  },
});
