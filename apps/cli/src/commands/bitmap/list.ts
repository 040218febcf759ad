import { buildCommand } from '@stricli/core';
import { type BitmapInfo, type BitmapStore, isTidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  forceShareFlag,
  withExamples,
} from '../../flags.ts';
import { type OutputFlags, print, table } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly forceShare?: boolean;
}

interface ListedBitmap extends BitmapInfo {
  /** Null where the content cannot be trusted or read. */
  readonly dirtyBytes: number | null;
}

export const list = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { withBitmaps } = await import('../../session.ts');
    const options = { access: 'read', forceShare: flags.forceShare ?? false } as const;
    const problems: Error[] = [];
    const bitmaps = await withBitmaps(path, flags, options, ({ store }) =>
      store === undefined ? Promise.resolve([]) : listAll(store, problems),
    );
    print(flags, bitmaps, () =>
      bitmaps.length === 0
        ? ['no bitmaps']
        : [...table([HEADINGS, ...bitmaps.map(row)]), ...bitmaps.flatMap(reasonLines)],
    );
    // One that is damaged must not hide the others, nor pass for a success.
    if (problems[0] !== undefined) throw problems[0];
  },
  parameters: {
    flags: { ...driveFlags, forceShare: forceShareFlag },
    aliases: { f: 'format', U: 'forceShare' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'list the bitmaps of a drive',
    fullDescription: withExamples(
      [
        'Lists every bitmap with how much it calls dirty. STATE is',
        '  stored        sound',
        '  inconsistent  its writer has crashed, or is running, or the drive was changed without it:',
        '                it can only be removed',
        '  unsupported   of a kind that this version cannot read',
      ],
      ['tidemark bitmap list vm.qcow2', 'tidemark bitmap list disk.raw --json'],
    ),
  },
});

async function listAll(store: BitmapStore, problems: Error[]): Promise<readonly ListedBitmap[]> {
  const listed: ListedBitmap[] = [];
  for (const info of await store.list()) {
    const dirtyBytes = info.state === 'stored' ? await count(store, info.name, problems) : null;
    listed.push({ ...info, dirtyBytes });
  }
  return listed;
}

async function count(store: BitmapStore, name: string, problems: Error[]): Promise<number | null> {
  try {
    return (await store.load(name)).dirtyBytes;
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    problems.push(error);
    return null;
  }
}

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

function reasonLines({ name, reason, checkpointLost }: ListedBitmap): readonly string[] {
  if (reason !== undefined) return [`${name} cannot be trusted: ${reason}`];
  return checkpointLost === undefined ? [] : [`${name} tells no checkpoint: ${checkpointLost}`];
}
