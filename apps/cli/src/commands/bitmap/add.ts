import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
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
  readonly disabled?: boolean;
}

export const add = buildCommand<Flags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { checkBitmapName, checkGranularity, DirtyBitmap, defaultGranularity } =
      await import('@tidemark/core');
    const { withStore } = await import('../../session.ts');
    checkBitmapName(name);
    if (flags.granularity !== undefined) checkGranularity(flags.granularity);
    const options = { access: 'bitmaps', create: true } as const;
    const made = await withStore(path, flags, options, async (store, { drive }) => {
      const granularity = flags.granularity ?? defaultGranularity(drive.image?.info.clusterSize);
      const enabled = !flags.disabled;
      const content = new DirtyBitmap(store.diskSize, granularity);
      await store.commit([{ op: 'create', name, enabled, content }]);
      return { name, granularity, enabled, store: store.label };
    });
    print(flags, made, () => [
      `added bitmap '${name}' (granularity ${formatSize(made.granularity)}) to ${made.store}`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      granularity: granularityFlag,
      disabled: {
        kind: 'boolean',
        brief: 'record no writes until the bitmap is enabled',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { g: 'granularity', f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'add a bitmap, clean and enabled',
    fullDescription: withExamples(
      [
        'Adds a bitmap to a qcow2 image, or to the sidecar of a raw drive, which is made when there is',
        'none. QEMU and tidemarkd record in it what they write to the drive from then on.',
      ],
      [
        'tidemark bitmap add vm.qcow2 nightly',
        'tidemark bitmap add disk.raw nightly --format raw --granularity 4k',
      ],
    ),
  },
});
