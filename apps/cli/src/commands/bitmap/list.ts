import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import {
  driveIdFlag,
  type DriveFlags,
  driveFlags,
  drivePositional,
  forceShareFlag,
  withExamples,
} from '../../flags.ts';
import type { ListedBitmap } from '../../list-bitmaps.ts';
import { type OutputFlags, print, table } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly forceShare?: boolean;
  readonly backups?: string;
  readonly driveId?: string;
}

export const list = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { lookAtBitmaps } = await import('../../look-at-bitmaps.ts');
    const { listBitmaps } = await import('../../list-bitmaps.ts');
    const problems: Error[] = [];
    const onProblem = (problem: Error) => void problems.push(problem);
    const bitmaps = await lookAtBitmaps(path, flags, (session) =>
      listBitmaps(session, { ...flags, onProblem }),
    );
    print(flags, bitmaps, () =>
      bitmaps.length === 0
        ? ['no bitmaps']
        : [...table([HEADINGS, ...bitmaps.map(row)]), ...bitmaps.flatMap(notes)],
    );
    // One that is damaged must not hide the others, nor pass for a success.
    if (problems[0] !== undefined) throw problems[0];
  },
  parameters: {
    flags: {
      ...driveFlags,
      forceShare: forceShareFlag,
      backups: {
        kind: 'parsed',
        parse: String,
        brief: 'tell whether the next backup into this directory is an increment, and why',
        placeholder: 'DIRECTORY',
        optional: true,
      },
      driveId: driveIdFlag,
    },
    aliases: { f: 'format', U: 'forceShare' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'list the bitmaps of a drive',
    fullDescription: withExamples(
      [
        'Lists every bitmap with how much it calls dirty. STATE is',
        '  stored        sound',
        '  in-use        a program that is running keeps it, and it alone can tell',
        '  inconsistent  its writer has crashed, or the drive was changed without it:',
        '                rescan it by its backups, or remove it',
        '  unsupported   of a kind that this version cannot read',
        'After a session that was not closed it tells how much may be dirty beyond what was written.',
      ],
      [
        'tidemark bitmap list vm.qcow2',
        'tidemark bitmap list disk.raw --backups backups/disk --json',
      ],
    ),
  },
});

const HEADINGS = ['NAME', 'GRANULARITY', 'RECORDING', 'STATE', 'DIRTY'];

function row({ name, granularity, enabled, state, dirtyBytes }: ListedBitmap): readonly string[] {
  return [
    name,
    formatSize(granularity),
    enabled ? 'on' : 'off',
    state,
    dirtyBytes === null ? '-' : formatSize(dirtyBytes),
  ];
}

/** What does not fit into the table. */
function notes(bitmap: ListedBitmap): readonly string[] {
  const { name, reason, checkpointLost, recovered, nextBackup } = bitmap;
  const lines: string[] = [];
  if (reason !== undefined) lines.push(`${name} cannot be trusted: ${reason}`);
  else if (checkpointLost !== undefined) {
    lines.push(`${name} tells no checkpoint: ${checkpointLost}`);
  }
  if (recovered !== undefined) {
    const { dirty, wholeRegions } = recovered;
    lines.push(
      `${name} was recovered after a session that was not closed: ${formatSize(dirty)} are dirty, ` +
        `of which at most ${formatSize(wholeRegions)} were not written`,
    );
  }
  if (nextBackup !== undefined)
    lines.push(`${name}: ${NEXT[nextBackup.kind]}, because ${nextBackup.reason}`);
  return lines;
}

const NEXT = {
  incremental: 'the next backup is an increment',
  full: 'the next backup is full',
  refused: 'no backup by it is possible',
} as const;
