import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { withExamples } from '../../flags.ts';
import { imageFlags, imagePositional } from '../../image-flags.ts';
import { print } from '../../output.ts';
import type { ProgramContext } from '../../program-context.ts';
import type { RepairFlags } from '../../repair-image.ts';

export const repair = buildCommand<RepairFlags, [image: string], ProgramContext>({
  async func(flags, path) {
    const { repairImage, takeBack } = await import('../../repair-image.ts');
    if (flags.undo !== undefined) {
      refuseWithUndo(flags);
      const undone = await takeBack(path, flags.undo);
      return print(flags, undone, ({ image, size }) => [
        `'${image}' is what it was before the repair: ${size} bytes`,
      ]);
    }
    const { report, lines, exitCode } = await repairImage(path, flags);
    print(flags, report, () => lines);
    this.process.exitCode = exitCode;
  },
  parameters: {
    flags: {
      ...imageFlags,
      dryRun: {
        kind: 'boolean',
        brief: 'only show what would be done',
        optional: true,
        withNegated: false,
      },
      only: {
        kind: 'enum',
        values: ['leaks'],
        brief: 'give leaked clusters back, and change nothing else',
        optional: true,
      },
      dropInUse: {
        kind: 'boolean',
        brief: 'remove bitmaps whose user has crashed; when left out, they stay as they are',
        optional: true,
        withNegated: false,
      },
      saveUndo: {
        kind: 'parsed',
        parse: String,
        brief: 'new file for what takes the repair back; when left out, IMAGE.tidemark-undo',
        placeholder: 'FILE',
        optional: true,
      },
      undo: {
        kind: 'parsed',
        parse: String,
        brief: 'take the repair back that has written this file',
        placeholder: 'FILE',
        optional: true,
      },
    },
    aliases: { n: 'dryRun' },
    positional: { kind: 'tuple', parameters: [imagePositional] },
  },
  docs: {
    brief: 'mend an image and its bitmaps, by a plan, and so that it can be taken back',
    fullDescription: withExamples(
      [
        'Frees leaks, sets refcounts and flags right, and takes out bitmaps that cannot be trusted: each',
        'is named. No bitmap is made valid that was not. The old content of all that is overwritten is',
        'in the undo file before the image is touched. What points nowhere in the data of a guest',
        'stays, and is told of. The exit code is that of image check for what is left.',
      ],
      [
        'tidemark image repair vm.qcow2 --dry-run',
        'tidemark image repair vm.qcow2',
        'tidemark image repair vm.qcow2 --undo vm.qcow2.tidemark-undo',
      ],
    ),
  },
});

function refuseWithUndo(flags: RepairFlags): void {
  const others = { 'dry-run': flags.dryRun, only: flags.only, 'drop-in-use': flags.dropInUse };
  const more = { ...others, 'save-undo': flags.saveUndo };
  const given = Object.entries(more).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new TidemarkError('USAGE', `--${given[0]} does not go with --undo`, {
    hint: 'see tidemark image repair --help',
  });
}
