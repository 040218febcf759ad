import { buildCommand, numberParser } from '@stricli/core';
import type { PruneReport } from '@tidemark/repository';
import { formatSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import { placePositional, type RepositoryFlags, secretFlags } from '../../repository/flags.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly graceHours?: number;
  readonly dryRun?: boolean;
}

const HOUR = 60 * 60 * 1000;

export const prune = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { prune: pruneRepository } = await import('@tidemark/repository');
    const { withRepository } = await import('../../repository/open-place.ts');
    const { longWork } = await import('../../long-work.ts');
    const { graceHours, dryRun } = flags;
    const report = await withRepository(place, flags, (repository) =>
      longWork('prune', (signal) =>
        pruneRepository({
          repository,
          grace: graceHours === undefined ? undefined : graceHours * HOUR,
          dryRun,
          signal,
        }),
      ),
    );
    print(flags, report, describe);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      graceHours: {
        kind: 'parsed',
        parse: numberParser,
        brief: 'hours for which new objects stay, for backups that are running; when left out, 24',
        placeholder: 'HOURS',
        optional: true,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'only tell what would be done',
        optional: true,
        withNegated: false,
      },
      ...secretFlags,
    },
    aliases: { n: 'dryRun' },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'give back the space of what no restore point needs',
    fullDescription: withExamples(
      [
        'Removes packs of which nothing is needed, and writes those anew of which little is. Backups and',
        'restores can go on meanwhile. Cut off at any moment it leaves every restore point whole; the next',
        'prune goes on.',
      ],
      ['tidemark repo prune /backups/site', 'tidemark repo prune /backups/site --dry-run --json'],
    ),
  },
});

function describe(report: PruneReport): readonly string[] {
  const { removedPacks, rewrittenPacks, freedBytes, rewrittenBytes } = report;
  return [
    `${count(removedPacks, 'pack')} gone, ${rewrittenPacks} written anew: ` +
      `${formatSize(Math.max(0, freedBytes - rewrittenBytes))} free`,
  ];
}
