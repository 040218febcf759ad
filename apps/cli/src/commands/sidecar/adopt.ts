import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { notice, type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly acceptCtime?: boolean;
  readonly acceptContent?: boolean;
}

const flag = (brief: string) =>
  ({ kind: 'boolean', brief, optional: true, withNegated: false }) as const;

export const adopt = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { adoptDriveSidecar } = await import('@tidemark/drive');
    const options = { ...flags, answersFor: wordOf(flags), onNotice: notice };
    const { drive, sidecar, adopted, reasons, entries } = await adoptDriveSidecar(path, options);
    const bitmaps = entries.map(({ name, inUse, reason }) => ({
      name,
      state: inUse ? 'inconsistent' : 'stored',
      reason: inUse ? (reason ?? 'it was left in use') : null,
    }));
    const refused = bitmaps.filter(({ state }) => state === 'inconsistent');
    print(flags, { drive, sidecar, adopted, reasons, bitmaps }, () => [
      ...(reasons.length === 0 ? ['nothing to adopt by your word'] : []),
      ...adopted.map((name) => `bitmap '${name}' is trusted by your word alone`),
      ...reasons.map((reason) => `although ${reason}`),
      ...refused.map(({ name, reason }) => `bitmap '${name}' stays inconsistent: ${reason}`),
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      acceptCtime: flag('mode, owner, name or links were changed, and not the content'),
      acceptContent: flag('the drive holds what it held, whatever else has changed'),
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'trust the bitmaps of a drive that was changed, by your word',
    fullDescription: withExamples(
      [
        'Bitmaps are inconsistent where their drive was changed and nothing proves that its content was',
        'not. Where you know, say so: --accept-ctime after chmod, chown, rename or a link;',
        '--accept-content after a copy, a move, or a time that was set. Tells what is trusted, and why',
        'it was not. If you are wrong, the next increment lacks what was written: when in doubt, compare',
        "the drive with its backups instead ('tidemark rescan'), or remove the bitmap and take a full",
        'backup. What a crash has left is never adopted, and neither is a drive of another size.',
      ],
      [
        'tidemark sidecar adopt disk.raw --accept-ctime',
        'tidemark sidecar adopt disk.raw --accept-content',
      ],
    ),
  },
});

function wordOf({ acceptCtime = false, acceptContent = false }: Flags): 'ctime' | 'content' {
  if (acceptCtime !== acceptContent) return acceptCtime ? 'ctime' : 'content';
  throw new TidemarkError('USAGE', 'what do you answer for?', {
    hint: 'give one of --accept-ctime and --accept-content; see --help',
  });
}
