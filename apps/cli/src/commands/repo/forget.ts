import { buildCommand, numberParser } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import { placePositional, pointDriveFlag, secretFlags } from '../../repository/flags.ts';
import type { ForgetFlags, Forgotten } from '../../repository/forget-points.ts';

type Flags = OutputFlags & ForgetFlags;

const keep = (what: string) =>
  ({
    kind: 'parsed',
    parse: numberParser,
    brief: `how many restore points stay of each drive: the newest ${what}`,
    placeholder: 'COUNT',
    optional: true,
  }) as const;

export const forget = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { forgetInPlace } = await import('../../repository/forget-points.ts');
    print(flags, await forgetInPlace(place, flags), describe);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      keepLast: keep('ones'),
      keepDaily: keep('of each day'),
      keepWeekly: keep('of each week'),
      keepMonthly: keep('of each month'),
      point: {
        kind: 'parsed',
        parse: String,
        brief: 'this restore point goes, in place of a policy',
        placeholder: 'POINT',
        variadic: true,
        optional: true,
      },
      driveId: pointDriveFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'only tell what would go',
        optional: true,
        withNegated: false,
      },
      ...secretFlags,
    },
    aliases: { p: 'point', n: 'dryRun' },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'let restore points go, by a policy or by number',
    fullDescription: withExamples(
      [
        'No restore point needs another one, so any can go; a policy always keeps the newest, where bitmaps',
        'began. Days, weeks (from Monday) and months are in UTC. tidemark repo prune gives the space back.',
      ],
      [
        'tidemark repo forget /backups/site --keep-daily 7 --keep-weekly 4 --keep-monthly 12',
        'tidemark repo forget /backups/site --point 3 --drive-id vm.qcow2',
      ],
    ),
  },
});

function describe({ forgotten, kept, dryRun }: Forgotten): readonly string[] {
  return [
    `${dryRun ? 'would forget' : 'forgot'} ${count(forgotten.length, 'restore point')}, ${kept.length} stay`,
    ...forgotten.map(
      ({ drive, point, created }) => `${drive}: restore point ${point} of ${created}`,
    ),
  ];
}
