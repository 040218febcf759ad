import { buildCommand } from '@stricli/core';
import type { BackupResult } from '@tidemark/backup';
import { TidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import {
  directoryPositional,
  driveIdFlag,
  type DriveFlags,
  driveFlags,
  drivePositional,
  granularityFlag,
  withExamples,
} from '../flags.ts';
import { type OutputFlags, print } from '../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly bitmap?: string;
  readonly full?: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
}

export const backup = buildCommand<Flags, [drive: string, directory: string]>({
  async func(flags, path, directory) {
    const { backUp, backUpByBitmap } = await import('../back-up.ts');
    const { bitmap } = flags;
    if (bitmap === undefined && flags.sidecar !== undefined) {
      throw new TidemarkError('USAGE', '--sidecar says where a bitmap is, and none is named', {
        hint: 'add --bitmap NAME, or leave --sidecar out',
      });
    }
    const result =
      bitmap === undefined
        ? await backUp(path, directory, flags)
        : await backUpByBitmap(path, directory, { ...flags, bitmap });
    print(flags, summarize(result), describe);
  },
  parameters: {
    flags: {
      ...driveFlags,
      bitmap: {
        kind: 'parsed',
        parse: String,
        brief: 'copy only what this bitmap calls dirty, and begin it anew',
        placeholder: 'NAME',
        optional: true,
      },
      full: {
        kind: 'boolean',
        brief: 'copy everything, whatever could be left out',
        optional: true,
        withNegated: false,
      },
      granularity: {
        ...granularityFlag,
        brief: 'bytes that are copied and digested at once, a power of two from 4k to 1M',
      },
      driveId: driveIdFlag,
    },
    aliases: { f: 'format', b: 'bitmap', g: 'granularity' },
    positional: { kind: 'tuple', parameters: [drivePositional, directoryPositional] },
  },
  docs: {
    brief: 'back a drive up into a directory, full or by a bitmap',
    fullDescription: withExamples(
      [
        'Adds a restore point to a directory that holds the restore points of one drive.',
        'With --bitmap it is an increment if the last restore point began that bitmap; else it is full,',
        'and the manifest says why. The bitmap begins anew only when the restore point is durable. No',
        'other program can write the drive meanwhile. Ctrl-C leaves directory and bitmap as they were.',
      ],
      [
        'tidemark backup vm.qcow2 backups/vm --bitmap nightly',
        'tidemark backup disk.raw backups/disk --format raw',
      ],
    ),
  },
});

function summarize({ point, digest, manifest, bytesRead }: BackupResult) {
  const { kind, reason, parent, totals, granularity, drive, bitmap } = manifest;
  const { size } = drive;
  return { point, digest, kind, reason, parent, bitmap, size, granularity, totals, bytesRead };
}

function describe(result: ReturnType<typeof summarize>): readonly string[] {
  const { point, kind, reason, totals, size } = result;
  return [
    `${point}: ${kind}, because ${reason}`,
    `stored ${formatSize(totals.dataBytes)} of ${formatSize(size)}`,
  ];
}
