import { buildCommand } from '@stricli/core';
import { formatSize, parseSize } from '@tidemark/program';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import type { CopiedToRepository, CopyFlags } from '../../repository/copy-to-repository.ts';
import type { ExportedPoint } from '../../repository/export-points.ts';
import { placePositional, pointDriveFlag, pointFlag, secretFlags } from '../../repository/flags.ts';

interface Flags extends OutputFlags, CopyFlags {}

export const exportPoints = buildCommand<Flags, [place: string, target: string]>({
  async func(flags, place, target) {
    const { holdsRepository } = await import('../../repository/open-place.ts');
    if (!(await holdsRepository(target))) {
      const { exportPoints: run } = await import('../../repository/export-points.ts');
      print(flags, await run(place, target, flags), (points) => points.map(describeImage));
      return;
    }
    const { copyToRepository, lackingCopies } =
      await import('../../repository/copy-to-repository.ts');
    const copied = await copyToRepository(place, target, flags);
    print(flags, copied, (points) => points.map(describeCopy));
    const lacking = lackingCopies(place, copied);
    if (lacking !== undefined) throw lacking;
  },
  parameters: {
    flags: {
      json: jsonFlag,
      point: { ...pointFlag, brief: 'the last restore point; when left out, the newest' },
      driveId: {
        ...pointDriveFlag,
        brief: 'id or name of the drive; when left out, of repositories all drives are copied',
      },
      rate: {
        kind: 'parsed',
        parse: parseSize,
        brief: 'bytes a second that are read at most, into a repository',
        placeholder: 'SIZE',
        optional: true,
      },
      ...secretFlags,
      toPassphraseFile: {
        ...secretFlags.passphraseFile,
        brief: 'file whose first line opens the repository that is copied to',
      },
      toKeyFile: {
        ...secretFlags.keyFile,
        brief: 'file whose bytes open the repository that is copied to',
      },
    },
    aliases: { p: 'point' },
    positional: {
      kind: 'tuple',
      parameters: [
        placePositional,
        {
          brief: 'folder for images, made if it is missing; or another repository',
          placeholder: 'TARGET',
          parse: String,
        },
      ],
    },
  },
  docs: {
    brief: 'write restore points as qcow2 images with backing files, or into another repository',
    fullDescription: withExamples(
      [
        'Of images each holds what differs from the point before, whose image is its backing file: QEMU runs',
        'on the last one, or on any. Images that are there are kept, so that an export can go on, and a',
        'folder can follow a repository.',
        'Into another repository points are copied as they are: with their numbers, where those are free, and',
        'the instants at which bitmaps began, so that an increment can stand on a copy. Blocks are stored as',
        'the other one is made: compressed or not, encrypted or not. It goes on behind the newest point that',
        'both have; what is there is not stored again, and what was forgotten there does not come back.',
      ],
      [
        'tidemark repo export /backups/site images/',
        'tidemark repo export s3://backups/site images/ --drive-id vm.qcow2 --point 12',
        'tidemark repo export /backups/site s3://elsewhere/site --to-key-file site.key --rate 20M',
      ],
    ),
  },
});

function describeImage({ image, backing, copied, wasThere }: ExportedPoint): string {
  if (wasThere) return `${image}: is there`;
  return `${image}: ${formatSize(copied)}${backing === null ? '' : ` over ${backing}`}`;
}

function describeCopy(copied: CopiedToRepository): string {
  const { label, point, state, copy, storedBytes, problem } = copied;
  const what = `restore point ${point} of '${label}'`;
  if (state === 'damaged') return `${what}: left out, ${problem}`;
  if (state === 'older') return `${what}: left out, there is a younger one from elsewhere`;
  const number = copy === point ? '' : `, as ${copy}`;
  return `${what}: ${state === 'there' ? 'is there' : formatSize(storedBytes)}${number}`;
}
