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
  readonly all?: boolean;
}

export const rescan = buildCommand<Flags, [drive: string, directory: string]>({
  async func(flags, path, directory) {
    const { rescanDrive } = await import('../rescan-drive.ts');
    print(flags, await rescanDrive(path, directory, flags), (report) => [
      `${formatSize(report.dirty)} of ${formatSize(report.size)} differ from ${report.point}`,
      report.trusts === null
        ? `all of the drive was compared: ${report.reason}`
        : `${formatSize(report.known)} were not read: bitmap '${report.trusts}' proves them, ${report.reason}`,
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
        brief:
          'restore point to compare with; when left out, the newest that began the bitmap and can be read',
        placeholder: 'POINT',
        optional: true,
      },
      driveId: driveIdFlag,
      ...secretFlags,
      trackingBound: trackingBoundFlag,
      all: {
        kind: 'boolean',
        brief: 'compare all of the drive, whatever another bitmap proves',
        optional: true,
        withNegated: false,
      },
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
        'Without --point, a newer restore point that cannot be read is passed over, with a notice: the next',
        'increment stands on the point that was compared with. Where that one is damaged, --point names another.',
        'Where another bitmap of the drive began at a restore point of the same repository, what it calls clean',
        'is proven by that point, and not read. A bitmap that is there and whole is compared with all of the',
        'drive: who rescans it doubts what was recorded.',
      ],
      [
        'tidemark rescan vm.qcow2 backups/vm --bitmap nightly',
        'tidemark rescan disk.raw backups/disk --format raw --bitmap nightly --json',
      ],
    ),
  },
});
