import { stat } from 'node:fs/promises';
import { buildCommand } from '@stricli/core';
import type { BitmapInfo } from '@tidemark/core';
import type { Drive } from '@tidemark/drive';
import { formatSize } from '@tidemark/program';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  forceShareFlag,
  withExamples,
} from '../flags.ts';
import { type OutputFlags, print } from '../output.ts';
import type { Session } from '../session.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly forceShare?: boolean;
}

type ImageReport = NonNullable<ReturnType<typeof describeImage>>;

interface DriveReport {
  readonly path: string;
  readonly format: string;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes that its file takes up; 0 of a block device. */
  /** Bytes; null where it is a server's. */
  readonly diskUsage: number | null;
  /** Null for a raw drive. */
  readonly image: ImageReport | null;
  /** Path of the raw drive's sidecar; null where there is none, and for qcow2. */
  readonly sidecar: string | null;
  readonly bitmaps: readonly BitmapInfo[];
}

export const info = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { lookAtBitmaps } = await import('../look-at-bitmaps.ts');
    const { bitmapsAsSeen } = await import('../bitmaps-as-seen.ts');
    const report = await lookAtBitmaps(path, flags, async (session) =>
      inspect(session, await bitmapsAsSeen(session, flags)),
    );
    print(flags, report, describe);
  },
  parameters: {
    flags: { ...driveFlags, forceShare: forceShareFlag },
    aliases: { f: 'format', U: 'forceShare' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'show what a drive is and which bitmaps go with it',
    fullDescription: withExamples(
      [
        'Shows format, sizes, backing file and bitmaps of a drive. Reads no bitmap content; a backing',
        'file need not be there.',
      ],
      ['tidemark info vm.qcow2', 'tidemark info disk.raw --json'],
    ),
  },
});

async function inspect(
  { drive, store, sidecarPath }: Session,
  bitmaps: readonly BitmapInfo[],
): Promise<DriveReport> {
  return {
    path: drive.path,
    format: drive.format,
    virtualSize: drive.device.size,
    diskUsage: drive.isRemote ? null : (await stat(drive.path)).blocks * 512,
    image: describeImage(drive),
    sidecar: (store && sidecarPath) ?? null,
    bitmaps,
  };
}

function describeImage({ image }: Drive) {
  if (image === undefined) return null;
  const { version, clusterSize, refcountBits, compressionType, backing, ...flags } = image.info;
  const { dirty, corrupt, bitmapsLost, snapshotCount } = flags;
  return {
    version,
    clusterSize,
    refcountBits,
    compressionType,
    backing: backing ? { name: backing.name, format: backing.format ?? null } : null,
    snapshotCount,
    dirty,
    corrupt,
    bitmapsLost,
  };
}

function describe(report: DriveReport): readonly string[] {
  const { path, format, virtualSize, diskUsage, image, sidecar, bitmaps } = report;
  return [
    `drive: ${path}`,
    `format: ${format}`,
    `virtual size: ${formatSize(virtualSize)} (${virtualSize} bytes)`,
    ...(diskUsage === null ? [] : [`disk usage: ${formatSize(diskUsage)}`]),
    ...(image === null ? [`sidecar: ${sidecar ?? 'none'}`] : imageLines(image)),
    bitmaps.length === 0 ? 'bitmaps: none' : 'bitmaps:',
    ...bitmaps.map(bitmapLine),
  ];
}

function imageLines(image: ImageReport): readonly string[] {
  const { clusterSize, backing, snapshotCount } = image;
  const lines = [`cluster size: ${formatSize(clusterSize)}`];
  if (backing) lines.push(`backing file: ${backing.name} (${backing.format ?? 'format unknown'})`);
  if (snapshotCount > 0) lines.push(`snapshots: ${snapshotCount}`);
  if (image.dirty) lines.push("state: not closed cleanly; run 'qemu-img check -r all' on it");
  if (image.corrupt) lines.push("state: marked as corrupt; run 'qemu-img check -r all' on it");
  if (image.bitmapsLost) {
    lines.push('bitmaps lost: a program without bitmap support wrote the image');
  }
  return lines;
}

function bitmapLine({ name, granularity, enabled, state, reason }: BitmapInfo): string {
  const recording = enabled ? 'recording' : 'not recording';
  const why = reason === undefined ? '' : `: ${reason}`;
  return `  ${name}: granularity ${formatSize(granularity)}, ${recording}, ${state}${why}`;
}
