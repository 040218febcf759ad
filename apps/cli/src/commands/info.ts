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

interface Flags extends DriveFlags, OutputFlags {
  readonly forceShare: boolean;
}

interface DriveReport {
  readonly path: string;
  readonly format: string;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes that its file takes up. */
  readonly diskUsage: number;
  readonly image?: Readonly<Record<string, unknown>>;
  /** Path of the raw drive's sidecar, or null where there is none. */
  readonly sidecar?: string | null;
  readonly bitmaps: readonly BitmapInfo[];
}

export const info = buildCommand<Flags, [drive: string]>({
  async func(flags, path) {
    const { withDrive } = await import('../session.ts');
    const options = { access: 'read', forceShare: flags.forceShare } as const;
    const report = await withDrive<DriveReport>(path, flags, options, async (session) => {
      const { drive, store, sidecarPath } = session;
      return {
        path,
        format: drive.format,
        virtualSize: drive.device.size,
        diskUsage: (await stat(path)).blocks * 512,
        ...(drive.image && { image: describeImage(drive) }),
        ...(sidecarPath !== undefined && { sidecar: store ? sidecarPath : null }),
        bitmaps: (await store?.list()) ?? [],
      };
    });
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
      'Shows format, sizes, backing file and bitmaps of a drive. Reads no bitmap content.',
      ['tidemark info vm.qcow2', 'tidemark info disk.raw --json'],
    ),
  },
});

function describeImage({ image }: Drive): Readonly<Record<string, unknown>> {
  const { version, clusterSize, refcountBits, compressionType, backing, bitmapsLost } = image!.info;
  return {
    version,
    clusterSize,
    refcountBits,
    compressionType,
    ...(backing && { backing }),
    ...(bitmapsLost && { bitmapsLost }),
  };
}

function describe(report: DriveReport): readonly string[] {
  const { path, format, virtualSize, diskUsage, image, sidecar, bitmaps } = report;
  const lines = [
    `drive: ${path}`,
    `format: ${format}`,
    `virtual size: ${formatSize(virtualSize)} (${virtualSize} bytes)`,
    `disk usage: ${formatSize(diskUsage)}`,
  ];
  const backing = image?.['backing'] as { name: string; format?: string } | undefined;
  if (image) lines.push(`cluster size: ${formatSize(image['clusterSize'] as number)}`);
  if (backing) lines.push(`backing file: ${backing.name} (${backing.format ?? 'format unknown'})`);
  if (image?.['bitmapsLost']) {
    lines.push('bitmaps: lost, because a program without bitmap support wrote the image');
  }
  if (sidecar !== undefined) lines.push(`sidecar: ${sidecar ?? 'none'}`);
  lines.push(bitmaps.length === 0 ? 'bitmaps: none' : 'bitmaps:');
  for (const { name, granularity, enabled, state } of bitmaps) {
    const recording = enabled ? 'recording' : 'not recording';
    lines.push(`  ${name}: granularity ${formatSize(granularity)}, ${recording}, ${state}`);
  }
  return lines;
}
