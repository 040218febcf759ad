import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import { driveFlags, driveIdFlag, type DriveFlags, withExamples } from '../flags.ts';
import { count, type OutputFlags, print } from '../output.ts';
import {
  placePositional,
  pointFlag,
  type RepositoryFlags,
  secretFlags,
} from '../repository/flags.ts';
import type { VerifiedDrive } from '../repository/verify-drive.ts';

interface Flags extends DriveFlags, OutputFlags, RepositoryFlags {
  readonly against: string;
  readonly bitmap?: string;
  readonly point?: string;
  readonly driveId?: string;
}

export const verify = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { verifyDrive } = await import('../repository/verify-drive.ts');
    const verified = await verifyDrive(place, flags);
    print(flags, verified, describe);
    if (verified.differing > 0) throw differs(flags, verified);
  },
  parameters: {
    flags: {
      ...driveFlags,
      against: {
        kind: 'parsed',
        parse: String,
        brief: 'the drive to compare with',
        placeholder: 'DRIVE',
      },
      bitmap: {
        kind: 'parsed',
        parse: String,
        brief: 'look only at what this bitmap calls clean: whether it tells the truth',
        placeholder: 'NAME',
        optional: true,
      },
      point: pointFlag,
      driveId: driveIdFlag,
      ...secretFlags,
    },
    aliases: { f: 'format', b: 'bitmap', p: 'point' },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'compare a drive with a restore point, and prove a bitmap right by it',
    fullDescription: withExamples(
      [
        'Compares the drive with the digests of a restore point, and names each range that is not as it was.',
        'With --bitmap only what the bitmap calls clean is compared: any range that is named then is a change',
        'that the bitmap has missed. Without --point it is the restore point at which the bitmap began.',
        'tidemark repo check proves the restore points themselves.',
      ],
      ['tidemark verify /backups/site --against vm.qcow2 --bitmap nightly'],
    ),
  },
});

function describe({ compared, ranges, differing, point }: VerifiedDrive): readonly string[] {
  return [
    `compared ${formatSize(compared)} with restore point ${point}: ` +
      (differing === 0 ? 'all is as it was' : `${formatSize(differing)} differ`),
    ...ranges.map(({ offset, length }) => `${length} bytes at ${offset}`),
  ];
}

function differs({ against, bitmap }: Flags, { ranges }: VerifiedDrive): TidemarkError {
  const where = against;
  const what = count(ranges.length, 'range');
  if (bitmap === undefined) {
    const text = `drive '${where}' is not as it was in ${what}`;
    return new TidemarkError('BACKUP_DRIVE_MISMATCH', text, {
      where,
      hint: 'add --bitmap NAME to look only at what should not have changed',
    });
  }
  const text = `bitmap '${bitmap}' calls ${what} clean that changed`;
  const hint =
    'make a full backup, or rescan it; find out who writes the drive past tidemark and QEMU';
  return new TidemarkError('BITMAP_INCONSISTENT', text, { where, bitmap, hint });
}
