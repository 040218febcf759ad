import { buildCommand } from '@stricli/core';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  granularityFlag,
  namePositional,
  withExamples,
} from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly granularity?: number;
  readonly disabled: boolean;
}

export const add = buildCommand<Flags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { DirtyBitmap, defaultGranularity } = await import('@tidemark/core');
    const { withStore } = await import('../../session.ts');
    const made = await withStore(path, flags, { access: 'bitmaps', create: true }, async (store, { drive }) => {
      const granularity = flags.granularity ?? defaultGranularity(drive.image?.info.clusterSize);
      const content = new DirtyBitmap(store.diskSize, granularity);
      await store.commit([{ op: 'create', name, enabled: !flags.disabled, content }]);
      return { name, granularity, enabled: !flags.disabled, store: store.label };
    });
    print(flags, made, () => [`added bitmap '${name}' to ${made.store}`]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      granularity: granularityFlag,
      disabled: {
        kind: 'boolean',
        brief: 'record no writes until the bitmap is enabled',
        default: false,
        withNegated: false,
      },
    },
    aliases: { g: 'granularity', f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'add a bitmap, clean and enabled',
    fullDescription: withExamples(
      'Adds a bitmap to a qcow2 image, or to the sidecar of a raw drive, which is made when there is none.',
      ['tidemark bitmap add vm.qcow2 nightly', 'tidemark bitmap add disk.raw nightly --granularity 4k'],
    ),
  },
});
