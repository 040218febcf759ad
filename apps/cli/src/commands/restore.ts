import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import {
  pointsPositional,
  type DriveFlags,
  driveFlags,
  trackingBoundFlag,
  withExamples,
} from '../flags.ts';
import { count, type OutputFlags, print } from '../output.ts';
import { pointDriveFlag, type RepositoryFlags, secretFlags } from '../repository/flags.ts';
import { refuseRepositoryFlags } from '../repository/refuse-flags.ts';
import type { RestoreSource } from '../restore-to.ts';

interface Flags extends DriveFlags, OutputFlags, RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
  readonly range?: string;
  readonly overwrite?: boolean;
  readonly trackingBound?: number;
}

export const restore = buildCommand<Flags, [directory: string, target: string]>({
  async func(flags, directory, target) {
    const { findSource, restoreOver, restoreToNew } = await import('../restore-to.ts');
    const { holdsRepository } = await import('../repository/open-place.ts');
    if (!flags.overwrite && flags.sidecar !== undefined) throw ofExisting('--sidecar');
    if (!flags.overwrite && flags.trackingBound !== undefined) throw ofExisting('--tracking-bound');
    const run = (source: RestoreSource) =>
      flags.overwrite ? restoreOver(source, target, flags) : restoreToNew(source, target, flags);
    const { withRestoreSource } = await import('../repository/restore-source.ts');
    const restored = (await holdsRepository(directory))
      ? await withRestoreSource(directory, flags, run)
      : await run(await findDirectorySource(directory, flags, findSource));
    print(flags, restored, ({ point, format, chainLength, bytesWritten }) => [
      `restored ${point} to ${target} (${format}): ` +
        `${formatSize(bytesWritten)} of data from ${count(chainLength, 'restore point')}`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      format: { ...driveFlags.format, brief: 'format of TARGET; when left out, that of the drive' },
      point: {
        kind: 'parsed',
        parse: String,
        brief: 'name or number of the restore point; when left out, the newest',
        placeholder: 'POINT',
        optional: true,
      },
      overwrite: {
        kind: 'boolean',
        brief: 'write over an existing drive of the same size; its bitmaps record that',
        optional: true,
        withNegated: false,
      },
      trackingBound: trackingBoundFlag,
      driveId: pointDriveFlag,
      range: {
        kind: 'parsed',
        parse: String,
        brief: 'only this part of the drive, in bytes, as a raw file; from a repository',
        placeholder: 'OFFSET:LENGTH',
        optional: true,
      },
      ...secretFlags,
    },
    aliases: { f: 'format', p: 'point' },
    positional: {
      kind: 'tuple',
      parameters: [
        pointsPositional,
        { brief: 'path of the drive to write', placeholder: 'TARGET', parse: String },
      ],
    },
  },
  docs: {
    brief: 'write a drive as it was at a restore point',
    fullDescription: withExamples(
      [
        'Makes a new drive from a restore point and all that it stands on. A chain with a gap, a wrong',
        'parent or a bad checksum is refused before anything is written. The drive appears under its name',
        'when it is whole.',
        'With --overwrite it writes over a drive that is there, such as a block device, once every checksum',
        'has been found right. All enabled bitmaps of that drive record what is written.',
      ],
      [
        'tidemark restore backups/vm vm-restored.qcow2',
        'tidemark restore backups/disk disk.raw --point 3 --format raw',
        'tidemark restore backups/disk /dev/vg/disk --format raw --overwrite',
        'tidemark restore s3://backups/site vm.qcow2 --drive-id vm.qcow2 --key-file key',
      ],
    ),
  },
});

/** @throws USAGE: what is of repositories only */
async function findDirectorySource(
  directory: string,
  { point, ...flags }: Flags,
  find: (directory: string, point: string | undefined) => Promise<RestoreSource>,
): Promise<RestoreSource> {
  refuseRepositoryFlags(directory, flags);
  return find(directory, point);
}

function ofExisting(flag: string): TidemarkError {
  const text = `${flag} is of a drive that exists, and this one will be new`;
  return new TidemarkError('USAGE', text, { hint: `add --overwrite, or leave ${flag} out` });
}
