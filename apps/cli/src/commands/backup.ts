import { buildCommand } from '@stricli/core';
import type { BackupResult } from '@tidemark/backup';
import { TidemarkError } from '@tidemark/core';
import { formatSize, parseSize } from '@tidemark/program';
import {
  driveIdFlag,
  type DriveFlags,
  driveFlags,
  drivePositional,
  granularityFlag,
  pointsPositional,
  withExamples,
} from '../flags.ts';
import type { IncrementImage } from '../back-up-to-image.ts';
import { type OutputFlags, print } from '../output.ts';
import { type RepositoryFlags, secretFlags } from '../repository/flags.ts';
import { refuseRepositoryFlags } from '../repository/refuse-flags.ts';

interface Flags extends DriveFlags, OutputFlags, RepositoryFlags {
  readonly toQcow2?: string;
  readonly with?: readonly string[];
  readonly bitmaps?: boolean;
  readonly differential?: boolean;
  readonly rate?: number;
  readonly scratch?: string;
  readonly begins?: string;
  readonly bitmap?: string;
  readonly chain?: string;
  readonly full?: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
}

export const backup = buildCommand<Flags, [drive: string, directory?: string]>({
  async func(flags, path, directory) {
    checkFlags(flags);
    if (flags.toQcow2 !== undefined) {
      const { backUpToImage } = await import('../back-up-to-image.ts');
      refuseBesideImage(flags, directory);
      print(flags, await backUpToImage(path, flags.toQcow2, flags), describeImage);
      return;
    }
    if (directory === undefined) {
      throw new TidemarkError('USAGE', 'DIRECTORY is missing', {
        hint: 'see tidemark backup --help',
      });
    }
    const { holdsRepository } = await import('../repository/open-place.ts');
    if (await holdsRepository(directory)) {
      const { backUpToRepository } = await import('../repository/back-up-drives.ts');
      const texts = await import('../repository/describe-points.ts');
      const points = await backUpToRepository([path, ...(flags.with ?? [])], directory, flags);
      print(flags, texts.backedUpAsJson(points), texts.describeBackedUp);
      return;
    }
    refuseRepositoryFlags(directory, flags);
    const { backUp, backUpByBitmap, backUpChain } = await import('../back-up.ts');
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
      toQcow2: {
        kind: 'parsed',
        parse: String,
        brief: 'write a qcow2 image of what is dirty, or of all, in place of a restore point',
        placeholder: 'FILE',
        optional: true,
      },
      with: {
        kind: 'parsed',
        parse: String,
        brief: 'another drive, backed up at the same instant; into a repository',
        placeholder: 'DRIVE',
        variadic: true,
        optional: true,
      },
      differential: {
        kind: 'boolean',
        brief:
          'leave the bitmap as it is, so that the next backup has all of this one too; as above',
        optional: true,
        withNegated: false,
      },
      bitmaps: {
        kind: 'boolean',
        brief: 'make and follow bitmaps; as above',
        optional: true,
      },
      rate: {
        kind: 'parsed',
        parse: parseSize,
        brief: 'bytes a second that are read at most; as above',
        placeholder: 'SIZE',
        optional: true,
      },
      scratch: {
        kind: 'parsed',
        parse: String,
        brief: 'folder of the daemon for what a live drive overwrites meanwhile; usually /var/tmp',
        placeholder: 'FOLDER',
        optional: true,
      },
      begins: {
        kind: 'parsed',
        parse: String,
        brief:
          'the bitmap of a server, CHAIN@CHECKPOINT, that began where its NBD export stands still',
        placeholder: 'NAME',
        optional: true,
      },
      ...secretFlags,
    },
    aliases: { f: 'format', c: 'chain', b: 'bitmap', g: 'granularity' },
    positional: {
      kind: 'tuple',
      parameters: [drivePositional, { ...pointsPositional, optional: true }],
    },
  },
  docs: {
    brief: 'back a drive up into a directory, in full or what changed',
    fullDescription: withExamples(
      [
        'Adds a restore point to a repository, which tidemark repo create makes, or to a directory that',
        'holds the restore points of one drive.',
        'Into a repository it decides by itself: it makes and follows a chain of bitmaps of its own.',
        'DRIVE can be a drive of a running daemon, SOCKET#NODE with the path of its QMP socket: it is',
        'copied as it is in one instant while it is written.',
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
        'tidemark backup vm.qcow2 --to-qcow2 tuesday.qcow2 --bitmap nightly',
        'tidemark backup /run/vm/qmp.sock#system /backups/site --with /run/vm/qmp.sock#data',
        'tidemark backup system.qcow2 /backups/site --with data.qcow2 --rate 100M',
      ],
    ),
  },
});

function checkFlags({ bitmap, chain, sidecar, bitmaps }: Flags): void {
  if (bitmap !== undefined && chain !== undefined) {
    throw new TidemarkError('USAGE', '--bitmap and --chain say in two ways what has changed', {
      hint: 'leave one of them out',
    });
  }
  if (bitmaps === false && (bitmap ?? chain) !== undefined) {
    throw new TidemarkError('USAGE', 'a bitmap is named, and none is to be followed', {
      hint: 'leave --no-bitmaps out',
    });
  }
  if (sidecar === undefined || bitmap !== undefined || chain !== undefined) return;
  throw new TidemarkError('USAGE', '--sidecar says where a bitmap is, and none is named', {
    hint: 'add --chain NAME or --bitmap NAME, or leave --sidecar out',
  });
}

/** @throws USAGE */
function refuseBesideImage({ chain, full }: Flags, directory: string | undefined): void {
  const other = directory ?? (chain === undefined ? (full ? '--full' : undefined) : '--chain');
  if (other === undefined) return;
  throw new TidemarkError('USAGE', `'${other}' does not go with --to-qcow2`, {
    hint: 'leave one of them out; --bitmap says what is dirty',
  });
}

function describeImage({ image, copied, read, size }: IncrementImage): readonly string[] {
  return [
    `${image}: ${formatSize(copied)} of ${formatSize(size)}, of which ${formatSize(read)} is data`,
  ];
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
