import { buildCommand } from '@stricli/core';
import type { DriveFormat } from '@tidemark/drive';
import { driveFlags, driveIdFlag, jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { placePositional, type RepositoryFlags, secretFlags } from '../../repository/flags.ts';
import type { ImportedImage } from '../../repository/import-chain.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly driveId?: string;
  readonly format?: DriveFormat;
}

export const importImages = buildCommand<Flags, [place: string, image: string]>({
  async func(flags, place, image) {
    const { importChain } = await import('../../repository/import-chain.ts');
    print(flags, await importChain(place, image, flags), (images) => images.map(describe));
  },
  parameters: {
    flags: {
      json: jsonFlag,
      driveId: driveIdFlag,
      format: driveFlags.format,
      ...secretFlags,
    },
    aliases: { f: 'format' },
    positional: {
      kind: 'tuple',
      parameters: [
        placePositional,
        {
          brief:
            'the newest image of a chain of backing files, or the newest stream of virtnbdbackup',
          placeholder: 'IMAGE',
          parse: String,
        },
      ],
    },
  },
  docs: {
    brief: 'make restore points of what incremental backups of QEMU or virtnbdbackup have left',
    fullDescription: withExamples(
      [
        'Each image becomes a restore point, from the lowest backing file to the one that is named. Of an',
        'image over another one only what is in it is read. Images that were imported before, and are as',
        'they were, are passed over: run it again after an interruption, or when the chain has grown.',
        'Of a backup by virtnbdbackup name the newest .data file; those before it lie beside it.',
      ],
      [
        'tidemark repo import /backups/site old-backups/inc-7.qcow2 --drive-id vm',
        'tidemark repo import /backups/site old-backups/full.raw --format raw --json',
        'tidemark repo import /backups/site old-backups/vda.inc.virtnbdbackup.7.data',
      ],
    ),
  },
});

function describe({ image, point, kind, wasThere }: ImportedImage): string {
  return wasThere ? `restore point ${point} is there` : `${image}: restore point ${point}, ${kind}`;
}
