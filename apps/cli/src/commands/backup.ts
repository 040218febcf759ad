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
  readonly chain?: string;
  readonly full?: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
}

export const backup = buildCommand<Flags, [drive: string, directory: string]>({
  async func(flags, path, directory) {
    const { backUp, backUpByBitmap, backUpChain } = await import('../back-up.ts');
    checkFlags(flags);
    const { bitmap, chain } = flags;
    const result =
      chain !== undefined
        ? await backUpChain(path, directory, { ...flags, chain })
        : bitmap !== undefined
          ? await backUpByBitmap(path, directory, { ...flags, bitmap })
          : await backUp(path, directory, flags);
    print(flags, summarize(result), describe);
  },
  parameters: {
    flags: {
      ...driveFlags,
      chain: {
        kind: 'parsed',
        parse: String,
        brief: 'copy only what changed since the last backup of this chain; nothing to add before',
        placeholder: 'NAME',
        optional: true,
      },
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
    aliases: { f: 'format', c: 'chain', b: 'bitmap', g: 'granularity' },
    positional: { kind: 'tuple', parameters: [drivePositional, directoryPositional] },
  },
  docs: {
    brief: 'back a drive up into a directory, in full or what changed',
    fullDescription: withExamples(
      [
        'Adds a restore point to a directory that holds the restore points of one drive.',
        'With --chain it is an increment if it can be, else it is full, and the manifest says why. Each',
        'restore point begins a bitmap NAME@CHECKPOINT, which the next one follows and replaces. That',
        'works also when QEMU writes a qcow2 drive between two backups; but where QEMU has cleared the',
        'bitmap, or made the drive smaller and larger again, take one with --full.',
        'With --bitmap it is an increment by a bitmap of your own, if it has been written by tidemark and',
        'tidemarkd alone since the restore point that began it. No other program can write the drive',
        'meanwhile. A bitmap begins anew only when the restore point is durable. Ctrl-C leaves directory',
        'and bitmap as they were.',
      ],
      [
        'tidemark backup vm.qcow2 backups/vm --chain nightly',
        'tidemark backup disk.raw backups/disk --format raw --bitmap nightly',
      ],
    ),
  },
});

function checkFlags({ bitmap, chain, sidecar }: Flags): void {
  if (bitmap !== undefined && chain !== undefined) {
    throw new TidemarkError('USAGE', '--bitmap and --chain say in two ways what has changed', {
      hint: 'leave one of them out',
    });
  }
  if (sidecar === undefined || bitmap !== undefined || chain !== undefined) return;
  throw new TidemarkError('USAGE', '--sidecar says where a bitmap is, and none is named', {
    hint: 'add --chain NAME or --bitmap NAME, or leave --sidecar out',
  });
}

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
