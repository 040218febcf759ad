import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import type { PruneOptions } from '../../prune-bitmaps.ts';

type Flags = DriveFlags & OutputFlags & PruneOptions;

export const prune = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { match, olderThan, inconsistent, dryRun = false } = flags;
    if (match === undefined && olderThan === undefined && inconsistent === undefined) {
      throw new TidemarkError('USAGE', 'nothing says which bitmaps to remove', {
        hint: 'use --match, --older-than or --inconsistent',
      });
    }
    const { withStore } = await import('../../session.ts');
    const { pruneBitmaps } = await import('../../prune-bitmaps.ts');
    const access = dryRun ? 'read' : 'bitmaps';
    const pruned = await withStore(path, flags, { access }, async (store) => ({
      store: store.label,
      isDone: !dryRun,
      bitmaps: await pruneBitmaps(store, flags),
    }));
    print(flags, pruned, ({ store, bitmaps }) => [
      ...bitmaps.map(({ name, state, began }) => {
        const since = began === null ? '' : `, since ${began}`;
        return `${dryRun ? 'would remove' : 'removed'} bitmap '${name}' (${state}${since})`;
      }),
      `${count(bitmaps.length, 'bitmap')} of ${store}`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      match: {
        kind: 'parsed',
        parse: String,
        brief: 'those with such a name: * stands for any characters, ? for one',
        placeholder: 'PATTERN',
        optional: true,
      },
      olderThan: {
        kind: 'parsed',
        parse: parseAge,
        brief: 'those that began longer ago: 12h, 30d, 8w; needs --backups',
        placeholder: 'AGE',
        optional: true,
      },
      inconsistent: {
        kind: 'boolean',
        brief: 'those that are inconsistent',
        optional: true,
        withNegated: false,
      },
      backups: {
        kind: 'parsed',
        parse: String,
        brief: 'directory of restore points, which tells when bitmaps began',
        placeholder: 'DIRECTORY',
        optional: true,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'only show what would be removed',
        optional: true,
        withNegated: false,
      },
    },
    aliases: { f: 'format', n: 'dryRun' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'remove stale bitmaps by name, age or state, all in one step',
    fullDescription: withExamples(
      [
        'Removes the bitmaps that everything which is given applies to. A bitmap carries no time: its age',
        'is that of the restore point at which it began, found in --backups by its checkpoint. Where that',
        'is not known of one that the other options choose, nothing is removed.',
      ],
      [
        'tidemark bitmap prune vm.qcow2 --inconsistent',
        "tidemark bitmap prune vm.qcow2 --match 'old-*' --dry-run",
        'tidemark bitmap prune vm.qcow2 --older-than 30d --backups backups/vm',
      ],
    ),
  },
});

const UNITS: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
]);

/** Milliseconds from `90m`, `12h`, `30d` or `8w`. @throws USAGE */
function parseAge(text: string): number {
  const [, number, letter = ''] = /^(\d{1,6})([mhdw])$/u.exec(text) ?? [];
  const unit = UNITS.get(letter);
  if (unit !== undefined) return Number(number) * unit;
  throw new TidemarkError('USAGE', `'${text}' is not an age`, {
    hint: 'write a number with a unit: 90m, 12h, 30d, 8w',
  });
}
