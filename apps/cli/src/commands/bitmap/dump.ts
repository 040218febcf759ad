import { buildCommand } from '@stricli/core';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  namePositional,
  withExamples,
} from '../../flags.ts';
import type { OutputFlags } from '../../output.ts';
import { say } from '../../say.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly map?: boolean;
}

export const dump = buildCommand<Flags, [drive: string, name: string]>({
  async func(flags, path, name) {
    const { json, map } = flags;
    if (json && map) {
      throw new TidemarkError('USAGE', '--map is a picture and cannot be JSON', {
        hint: 'leave --map or --json out',
      });
    }
    const { withStore } = await import('../../session.ts');
    const bitmap = await withStore(path, flags, { access: 'read', look: true }, (store) =>
      store.load(name),
    );
    if (map) await drawMap(bitmap);
    else writeExtents(bitmap, flags);
  },
  parameters: {
    flags: {
      ...driveFlags,
      map: {
        kind: 'boolean',
        brief: 'draw the drive as a line of characters instead',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
  },
  docs: {
    brief: 'print the dirty ranges of a bitmap',
    fullDescription: withExamples(
      [
        'Prints offset and length, in bytes, of each dirty range, in order. With --json an array of',
        'objects, one to a line.',
      ],
      [
        'tidemark bitmap dump vm.qcow2 nightly',
        'tidemark bitmap dump vm.qcow2 nightly --map',
        'tidemark bitmap dump vm.qcow2 nightly --json',
      ],
    ),
  },
});

async function drawMap(bitmap: DirtyBitmap): Promise<void> {
  const { drawLine } = await import('../../picture/draw-line.ts');
  const { cells, cellSize } = drawLine(bitmap);
  say(1, `[${cells}]\na character is ${formatSize(cellSize)}\n`);
}

/** In pieces: a bitmap can have millions of ranges. */
function writeExtents(bitmap: DirtyBitmap, { json }: OutputFlags): void {
  let text = json ? '[' : '';
  let isFirst = true;
  for (const { offset, length } of bitmap.dirtyExtents()) {
    text += json
      ? `${isFirst ? '' : ','}\n  { "offset": ${offset}, "length": ${length} }`
      : `${offset} ${length}\n`;
    isFirst = false;
    if (text.length < 64 * 1024) continue;
    say(1, text);
    text = '';
  }
  say(1, json ? `${text}${isFirst ? '' : '\n'}]\n` : text);
}
