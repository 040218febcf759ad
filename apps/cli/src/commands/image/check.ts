import { buildCommand } from '@stricli/core';
import { forceShareFlag, withExamples } from '../../flags.ts';
import { type ImageFlags, imageFlags, imagePositional } from '../../image-flags.ts';
import { print } from '../../output.ts';
import type { ProgramContext } from '../../program-context.ts';

interface Flags extends ImageFlags {
  readonly forceShare?: boolean;
}

export const check = buildCommand<Flags, [image: string], ProgramContext>({
  async func(flags, path) {
    const { openFileDevice } = await import('@tidemark/block');
    const { checkImage } = await import('@tidemark/doctor');
    const { checkLines, exitOf } = await import('../../check-report.ts');
    const { forceShare = false, memory } = flags;
    await using device = await openFileDevice(path, { lock: !forceShare, helper: false });
    const found = await checkImage(device, memory === undefined ? {} : { memoryLimit: memory });
    const exitCode = exitOf(found);
    print(flags, { ...found, exitCode }, checkLines);
    this.process.exitCode = exitCode;
  },
  parameters: {
    flags: { ...imageFlags, forceShare: forceShareFlag },
    aliases: { U: 'forceShare' },
    positional: { kind: 'tuple', parameters: [imagePositional] },
  },
  docs: {
    brief: 'look at all of an image, of one too that QEMU does not open, and at its bitmaps',
    fullDescription: withExamples(
      [
        'Counts what refers to each cluster, as qemu-img check does, and judges each bitmap: sound,',
        'in-use (its user has not closed the image), broken, or foreign (of an unknown kind). Reads',
        'metadata only, and changes nothing. The worst that was found decides the exit code:',
        '   0  sound',
        '  20  clusters are leaked: space is lost, and nothing else',
        '  21  corrupt: data is or will be damaged, or the image says so itself',
        '  22  a bitmap is in use, or its user has crashed: it can only be removed',
        '  23  a bitmap, or what holds them, is broken: QEMU may not open the image',
        '  24  not all of it could be followed',
        'An image that cannot be read at all ends as any command does: 8, 9 or 13.',
      ],
      ['tidemark image check vm.qcow2', 'tidemark image check vm.qcow2 --json'],
    ),
  },
});
