import { buildCommand } from '@stricli/core';
import { withExamples } from '../flags.ts';
import { DEFAULT_COLUMNS, type PictureFlags, pictureFlags } from '../picture/flags.ts';
import {
  placePositional,
  pointDriveFlag,
  type RepositoryFlags,
  secretFlags,
} from '../repository/flags.ts';

interface Flags extends RepositoryFlags, PictureFlags {
  readonly driveId?: string;
}

export const history = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { drawHistory } = await import('../repository/draw-history.ts');
    const { showPicture } = await import('../picture/show-picture.ts');
    showPicture(await drawHistory(place, flags, flags.columns ?? DEFAULT_COLUMNS), flags);
  },
  parameters: {
    flags: { driveId: pointDriveFlag, ...secretFlags, ...pictureFlags },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'draw what changed when, over the restore points of a drive',
    fullDescription: withExamples(
      [
        'A row for each restore point: where the disk differs from the one before, and how much that is.',
        'The ranges themselves are told by tidemark repo show --json.',
      ],
      ['tidemark history /backups/site', 'tidemark history /backups/site --svg history.svg'],
    ),
  },
});
