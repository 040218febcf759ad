import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import type { ExportedPoint } from '../../repository/export-points.ts';
import {
  placePositional,
  pointDriveFlag,
  pointFlag,
  type RepositoryFlags,
  secretFlags,
} from '../../repository/flags.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
}

export const exportPoints = buildCommand<Flags, [place: string, folder: string]>({
  async func(flags, place, folder) {
    const { exportPoints: run } = await import('../../repository/export-points.ts');
    print(flags, await run(place, folder, flags), (points) => points.map(describe));
  },
  parameters: {
    flags: {
      json: jsonFlag,
      point: { ...pointFlag, brief: 'the last restore point; when left out, the newest' },
      driveId: pointDriveFlag,
      ...secretFlags,
    },
    aliases: { p: 'point' },
    positional: {
      kind: 'tuple',
      parameters: [
        placePositional,
        {
          brief: 'where the images go; made if it is missing',
          placeholder: 'FOLDER',
          parse: String,
        },
      ],
    },
  },
  docs: {
    brief: 'write the restore points of a drive as qcow2 images with backing files',
    fullDescription: withExamples(
      [
        'Each image holds what differs from the point before, whose image is its backing file: QEMU runs on',
        'the last one, or on any. Images that are there are kept, so that an export can go on, and a',
        'folder can follow a repository.',
      ],
      [
        'tidemark repo export /backups/site images/',
        'tidemark repo export s3://backups/site images/ --drive-id vm.qcow2 --point 12',
      ],
    ),
  },
});

function describe({ image, backing, copied, wasThere }: ExportedPoint): string {
  if (wasThere) return `${image}: is there`;
  return `${image}: ${formatSize(copied)}${backing === null ? '' : ` over ${backing}`}`;
}
