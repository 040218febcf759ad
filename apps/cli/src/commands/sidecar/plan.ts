import { buildCommand } from '@stricli/core';
import { formatSize, parseSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, granularityFlag, withExamples } from '../../flags.ts';
import { count, notice, type OutputFlags, print, table } from '../../output.ts';
import { KIND_TEXTS, kindValues } from './kind.ts';

interface Flags extends Pick<DriveFlags, 'format'>, OutputFlags {
  readonly size?: number;
  readonly bitmaps: number;
  readonly granularity?: number;
}

const MOST_BITMAPS = 65_535;

export const plan = buildCommand<Flags, [drive?: string]>({
  async func(flags, path) {
    const { checkGranularity, defaultGranularity } = await import('@tidemark/core');
    const { planSidecar } = await import('@tidemark/drive');
    const { granularity = defaultGranularity(undefined), bitmaps } = flags;
    checkGranularity(granularity);
    const diskSize = await sizeOf(flags, path);
    const granularities = Array.from({ length: bitmaps }, () => granularity);
    const plans = kindValues.map((kind) => ({
      kind,
      ...planSidecar({ diskSize, kind, granularities }),
    }));
    print(flags, { diskSize, bitmaps, granularity, plans }, () => [
      `a drive of ${formatSize(diskSize)} with ${count(bitmaps, 'bitmap')}, ${formatSize(granularity)} to a bit`,
      ...table([
        ['KIND', 'CLEAN', 'FULL', ''],
        ...plans.map(({ kind, empty, full }) => [
          kind,
          formatSize(empty),
          formatSize(full),
          KIND_TEXTS[kind],
        ]),
      ]),
    ]);
  },
  parameters: {
    flags: {
      format: driveFlags.format,
      json: driveFlags.json,
      size: {
        kind: 'parsed',
        parse: parseSize,
        brief: 'size of a drive that is not there yet',
        placeholder: 'SIZE',
        optional: true,
      },
      bitmaps: {
        kind: 'parsed',
        parse: parseCount,
        brief: 'how many bitmaps',
        placeholder: 'N',
        default: '1',
      },
      granularity: granularityFlag,
    },
    aliases: { f: 'format', g: 'granularity' },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'path of the drive; --size says it without one',
          placeholder: 'DRIVE',
          parse: String,
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'how large a sidecar gets, before it is made',
    fullDescription: withExamples(
      [
        'Tells what a sidecar of either kind takes up at most, while all its bitmaps are clean and when',
        'they have clean and dirty parts everywhere. While a bitmap is cleared or merged, its new bits lie',
        'beside the old ones.',
      ],
      [
        'tidemark sidecar plan disk.raw --bitmaps 3',
        'tidemark sidecar plan --size 15T --granularity 64k',
      ],
    ),
  },
});

async function parseCount(text: string): Promise<number> {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number <= MOST_BITMAPS) return number;
  const { TidemarkError } = await import('@tidemark/core');
  throw new TidemarkError('USAGE', `'${text}' is no number of bitmaps`, {
    hint: `use 0 to ${MOST_BITMAPS}`,
  });
}

async function sizeOf({ size, format }: Flags, path: string | undefined): Promise<number> {
  const { TidemarkError } = await import('@tidemark/core');
  if ((size === undefined) === (path === undefined)) {
    throw new TidemarkError('USAGE', 'the size of which drive?', {
      hint: 'name a drive, or give --size, and not both',
    });
  }
  if (path === undefined) return size!;
  const { openDrive } = await import('@tidemark/drive');
  const options = { lock: false, skipBacking: true, onNotice: notice, ...(format && { format }) };
  const { device } = await openDrive(path, options);
  try {
    return device.size;
  } finally {
    await device.close();
  }
}
