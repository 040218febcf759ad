import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import {
  placePositional,
  pointDriveFlag,
  pointFlag,
  type RepositoryFlags,
  secretFlags,
} from '../../repository/flags.ts';
import type { ShownDrive } from '../../repository/show-drive.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
}

export const show = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { showDrive } = await import('../../repository/show-drive.ts');
    print(flags, await showDrive(place, flags), describe);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      point: { ...pointFlag, brief: 'only this restore point; when left out, all of the drive' },
      driveId: pointDriveFlag,
      ...secretFlags,
    },
    aliases: { p: 'point' },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'show what changed when, of one drive in a repository',
    fullDescription: withExamples(
      [
        'Draws a line for each restore point: where it differs from the one before it, and how much that',
        'is. With --json the ranges are listed.',
      ],
      ['tidemark repo show /backups/site', 'tidemark repo show /backups/site --point 12 --json'],
    ),
  },
});

function describe({ drive, size, points }: ShownDrive): readonly string[] {
  return [
    `${drive.label}, ${formatSize(size)}`,
    ...points.map(({ point, created, changed, picture }) => {
      const about = `${String(point).padStart(5)}  ${created.slice(0, 16)}  `;
      return `${about}[${picture}]  ${formatSize(changed)}`;
    }),
  ];
}
