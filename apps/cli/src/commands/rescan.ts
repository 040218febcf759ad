import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import {
  driveIdFlag,
  type DriveFlags,
  driveFlags,
  drivePositional,
  pointsPositional,
  trackingBoundFlag,
  withExamples,
} from '../flags.ts';
import { type OutputFlags, print } from '../output.ts';
import { type RepositoryFlags, secretFlags } from '../repository/flags.ts';

interface Flags extends DriveFlags, OutputFlags, RepositoryFlags {
  readonly bitmap: string;
  readonly point?: string;
  readonly driveId?: string;
  readonly trackingBound?: number;
}

export const rescan = buildCommand<Flags, [drive: string, directory: string]>({
  async func(flags, path, directory) {
    const { rescanDrive } = await import('../rescan-drive.ts');
    print(flags, await rescanDrive(path, directory, flags), (report) => [
      `${formatSize(report.dirty)} of ${formatSize(report.size)} differ from ${report.point}`,
      `bitmap '${report.bitmap}' records since then: the next backup by it is an increment`,
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      bitmap: {
        kind: 'parsed',
        parse: String,
        brief: 'the bitmap to bring back; made if it is missing, made anew if it is there',
        placeholder: 'NAME',
      },
      point: {
        kind: 'parsed',
        parse: String,
        brief: 'restore point to compare with; when left out, the newest that began the bitmap',
        placeholder: 'POINT',
        optional: true,
      },
      driveId: driveIdFlag,
      ...secretFlags,
      trackingBound: trackingBoundFlag,
    },
    aliases: { f: 'format', b: 'bitmap' },
    positional: { kind: 'tuple', parameters: [drivePositional, pointsPositional] },
  },
  docs: {
    brief: 'bring a lost bitmap back by comparing the drive with its last backup',
    fullDescription: withExamples(
      [
        'Reads the drive, compares it with the digests in a backup directory, and leaves a bitmap that',
        'calls dirty what differs: the next backup is an increment, although the bitmap was lost, was',
        'inconsistent, or the drive was changed without it. The bitmap is valid from the start, when it',
        'calls all dirty; Ctrl-C or a crash loses only what was not compared yet. Of a drive that is',
        "being served, tidemarkd does the same by QMP's x-tidemark-rescan.",
      ],
      [
        'tidemark rescan vm.qcow2 backups/vm --bitmap nightly',
        'tidemark rescan disk.raw backups/disk --format raw --bitmap nightly --json',
      ],
    ),
  },
});
