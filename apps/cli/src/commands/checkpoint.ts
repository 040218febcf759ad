import { buildCommand } from '@stricli/core';
import type { CheckpointResult } from '../checkpoint-drives.ts';
import { driveFlags, drivePositional, granularityFlag, withExamples } from '../flags.ts';
import { count, type OutputFlags, print } from '../output.ts';

interface Flags extends OutputFlags {
  readonly format?: 'raw' | 'qcow2';
  readonly bitmap: string;
  readonly checkpoints: string;
  readonly granularity?: number;
}

export const checkpoint = buildCommand<Flags, string[]>({
  async func(flags, ...paths) {
    const { checkpointDrives } = await import('../checkpoint-drives.ts');
    print(flags, await checkpointDrives(paths, flags), describe);
  },
  parameters: {
    flags: {
      format: driveFlags.format,
      json: driveFlags.json,
      bitmap: {
        kind: 'parsed',
        parse: String,
        brief: 'the bitmap that begins anew on each drive; added where there is none',
        placeholder: 'NAME',
      },
      checkpoints: {
        kind: 'parsed',
        parse: String,
        brief: 'directory that tells of the checkpoint while it is made; the same for all commands',
        placeholder: 'DIR',
      },
      granularity: granularityFlag,
    },
    aliases: { f: 'format', b: 'bitmap', g: 'granularity' },
    positional: { kind: 'array', parameter: drivePositional, minimum: 1 },
  },
  docs: {
    brief: 'begin a bitmap anew on several drives, at one instant',
    fullDescription: withExamples(
      [
        'Clears a bitmap on each of the drives, or adds it, so that all of them tell what changed since',
        'one instant, and gives it an id: after a backup of all drives that another program has made.',
        'No other program can write the drives meanwhile. A crash leaves it made on all of them or on',
        'none: commands that are given the same --checkpoints finish it, and until then the next',
        "backup of each drive is a full one, 'checkpoint incomplete'.",
      ],
      [
        'tidemark checkpoint system.qcow2 data.qcow2 --bitmap nightly --checkpoints /var/lib/tidemark',
        'tidemark checkpoint *.raw --format raw --bitmap nightly --checkpoints checkpoints --json',
      ],
    ),
  },
});

function describe({ checkpoint: id, bitmap, drives }: CheckpointResult): readonly string[] {
  return [
    `checkpoint ${id} of ${count(drives.length, 'drive')}`,
    ...drives.map(({ change, store }) => `${change} bitmap '${bitmap}' in ${store}`),
  ];
}
