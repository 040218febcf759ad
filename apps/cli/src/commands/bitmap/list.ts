import { buildCommand } from '@stricli/core';
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
  readonly forceShare: boolean;
}

interface ListedBitmap {
  readonly name: string;
  readonly granularity: number;
  readonly enabled: boolean;
  readonly state: string;
  /** Absent where the content cannot be trusted. */
  readonly dirtyBytes?: number;
}

export const list = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { withDrive } = await import('../../session.ts');
    const options = { access: 'read', forceShare: flags.forceShare } as const;
    const bitmaps = await withDrive(path, flags, options, async ({ store }) => {
      const listed: ListedBitmap[] = [];
      for (const info of (await store?.list()) ?? []) {
        const content = info.state === 'stored' ? await store!.load(info.name) : undefined;
        listed.push({ ...info, ...(content && { dirtyBytes: content.dirtyBytes }) });
      }
      return listed;
    });
    print(flags, bitmaps, () =>
      bitmaps.length === 0 ? ['no bitmaps'] : table([HEADINGS, ...bitmaps.map(row)]),
    );
  },
  parameters: {
    flags: { ...driveFlags, forceShare: forceShareFlag },
    aliases: { f: 'format', U: 'forceShare' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'list the bitmaps of a drive',
    fullDescription: withExamples(
      'Lists every bitmap with how much it calls dirty. One that was not saved correctly is shown as inconsistent.',
      ['tidemark bitmap list vm.qcow2', 'tidemark bitmap list disk.raw --json'],
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
    dirtyBytes === undefined ? '-' : formatSize(dirtyBytes),
  ];
}
