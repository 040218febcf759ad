import { buildCommand } from '@stricli/core';
import type { DirtyBitmap } from '@tidemark/core';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  namePositional,
  withExamples,
} from '../../flags.ts';
import type { OutputFlags } from '../../output.ts';
import { drawMap } from '../../draw-map.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly map: boolean;
}

export const dump = buildCommand<Flags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { withStore } = await import('../../session.ts');
    await withStore(path, flags, { access: 'read' }, async (store) => {
      const bitmap = await store.load(name);
      if (flags.map) for (const line of drawMap(bitmap)) process.stdout.write(`${line}\n`);
      else await writeExtents(bitmap, flags);
    });
  },
  parameters: {
    flags: {
      ...driveFlags,
      map: {
        kind: 'boolean',
        brief: 'draw the drive as a line of characters instead',
        default: false,
        withNegated: false,
      },
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'print the dirty ranges of a bitmap',
    fullDescription: withExamples(
      'Prints offset and length, in bytes, of each dirty range, in order. With --json one array of objects.',
      ['tidemark bitmap dump vm.qcow2 nightly', 'tidemark bitmap dump vm.qcow2 nightly --map'],
    ),
  },
});

/** In pieces: a bitmap can have millions of ranges. */
async function writeExtents(bitmap: DirtyBitmap, { json }: OutputFlags): Promise<void> {
  let lines: string[] = [];
  let isFirst = true;
  const flush = async () => {
    const text = lines.join('');
    lines = [];
    if (!process.stdout.write(text)) {
      await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()));
    }
  };
  if (json) lines.push('[');
  for (const { offset, length } of bitmap.dirtyExtents()) {
    lines.push(json ? `${isFirst ? '' : ','}\n  { "offset": ${offset}, "length": ${length} }` : `${offset} ${length}\n`);
    isFirst = false;
    if (lines.length >= 4096) await flush();
  }
  if (json) lines.push(isFirst ? ']\n' : '\n]\n');
  await flush();
}
