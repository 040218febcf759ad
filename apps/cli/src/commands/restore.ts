import { buildCommand } from '@stricli/core';
import { formatSize } from '@tidemark/program';
import { formatFlag, jsonFlag, withExamples } from '../flags.ts';
import { type OutputFlags, print } from '../output.ts';
import { cancellable, startProgress } from '../progress.ts';

interface Flags extends OutputFlags {
  readonly format?: 'raw' | 'qcow2';
  readonly point?: string;
}

export const restore = buildCommand<Flags, [directory: string, target: string]>({
  async func(flags, directory, target) {
    const restored = await restoreTo(directory, target, flags);
    print(flags, restored, () => [
      `restored ${restored.point} to ${target} (${restored.format}): ${formatSize(restored.bytesWritten)} of data from ${restored.chainLength} restore points`,
    ]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      format: { ...formatFlag, brief: 'format of the new drive; that of the drive when left out' },
      point: {
        kind: 'parsed',
        parse: String,
        brief: 'name or number of the restore point; the newest when left out',
        placeholder: 'POINT',
        optional: true,
      },
    },
    aliases: { f: 'format', p: 'point' },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'directory of restore points', placeholder: 'DIRECTORY', parse: String },
        { brief: 'path of the drive to make; it must not exist', placeholder: 'TARGET', parse: String },
      ],
    },
  },
  docs: {
    brief: 'make a drive as it was at a restore point',
    fullDescription: withExamples(
      [
        'Makes a new drive from a restore point and all that it stands on. A chain with a gap, a wrong parent',
        'or a bad checksum is refused before anything is written. The drive appears under its name when it',
        'is whole.',
      ].join('\n'),
      [
        'tidemark restore backups/vm vm-restored.qcow2',
        'tidemark restore backups/disk disk.raw --point 3 --format raw',
      ],
    ),
  },
});

interface Restored {
  readonly point: string;
  readonly format: string;
  readonly size: number;
  readonly chainLength: number;
  readonly bytesWritten: number;
}

async function restoreTo(directory: string, target: string, flags: Flags): Promise<Restored> {
  const { link, unlink } = await import('node:fs/promises');
  const backups = await import('@tidemark/backup');
  const { createDrive, defaultSidecarPath } = await import('@tidemark/drive');
  const chain = await (await backups.openBackupDirectory(directory)).readChain(flags.point);
  const { drive: source } = chain.at(-1)!.manifest;
  const format = flags.format ?? (source.format === 'qcow2' ? 'qcow2' : 'raw');
  await refuseExisting(target);
  // A sidecar that is there would go with the new drive and call all of it clean.
  if (format === 'raw') await refuseExisting(defaultSidecarPath(target));

  const temporary = `${target}.restoring-${process.pid}`;
  const progress = await startProgress('restore');
  try {
    const drive = await createDrive(temporary, { format, size: source.size });
    try {
      const result = await cancellable((signal) =>
        backups.restore({
          directory,
          point: flags.point,
          target: drive.device,
          targetIsZero: true,
          onProgress: ({ done, total }) => progress.update(done, total),
          signal,
        }),
      );
      const { point, chainLength, bytesWritten } = result;
      await drive.device.close();
      // The commit point. Not rename: that would put it over a drive made meanwhile.
      await link(temporary, target);
      return { point, format, size: source.size, chainLength, bytesWritten };
    } finally {
      await drive.device.close();
      await unlink(temporary);
    }
  } finally {
    progress.stop();
  }
}

async function refuseExisting(path: string): Promise<void> {
  const { existsSync } = await import('node:fs');
  if (!existsSync(path)) return;
  const { TidemarkError } = await import('@tidemark/core');
  throw new TidemarkError('FILE_EXISTS', `'${path}' exists already`, {
    where: path,
    hint: 'restore to a new name, or move that file away first',
  });
}
