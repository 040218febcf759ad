import { buildCommand } from '@stricli/core';
import type { BackupBitmap, BackupResult } from '@tidemark/backup';
import { formatSize, parseSize } from '@tidemark/program';
import { cancellable, startProgress } from '../progress.ts';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../flags.ts';
import { type OutputFlags, print } from '../output.ts';
import type { Session } from '../session.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly bitmap?: string;
  readonly full: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
}

export const backup = buildCommand<Flags, [drive: string, directory: string]>({
  async func(flags, path, directory) {
    const { withDrive } = await import('../session.ts');
    // For writing, so that nothing else writes the drive meanwhile: copy and bitmap are of one instant.
    const result = await withDrive(path, flags, { access: 'write' }, (session) =>
      backUp(session, directory, flags),
    );
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
        default: false,
        withNegated: false,
      },
      granularity: {
        kind: 'parsed',
        parse: parseSize,
        brief: 'bytes that are copied and digested at once, a power of two from 4k to 1M',
        placeholder: 'SIZE',
        optional: true,
      },
      driveId: {
        kind: 'parsed',
        parse: String,
        brief: 'who the drive is, when it has moved: default is its absolute path',
        placeholder: 'ID',
        optional: true,
      },
    },
    aliases: { f: 'format', b: 'bitmap' },
    positional: {
      kind: 'tuple',
      parameters: [
        drivePositional,
        { brief: 'directory of restore points', placeholder: 'DIRECTORY', parse: String },
      ],
    },
  },
  docs: {
    brief: 'back a drive up into a directory, full or by a bitmap',
    fullDescription: withExamples(
      [
        'Adds a restore point to a directory that holds the restore points of one drive.',
        'With --bitmap it is an increment if the last restore point began that bitmap; else it is full, and',
        'the manifest says why. The bitmap begins anew only when the restore point is durable. No other',
        'program may write the drive meanwhile.',
      ].join('\n'),
      [
        'tidemark backup vm.qcow2 backups/vm --bitmap nightly',
        'tidemark backup disk.raw backups/disk --full',
      ],
    ),
  },
});

async function backUp(session: Session, directory: string, flags: Flags): Promise<BackupResult> {
  const { realpath } = await import('node:fs/promises');
  const { basename } = await import('node:path');
  const backups = await import('@tidemark/backup');
  const { drive } = session;
  const id = flags.driveId ?? (await realpath(drive.path));
  const bitmap = flags.bitmap === undefined ? undefined : await takeBitmap(session, flags.bitmap);
  const progress = await startProgress('backup');
  try {
    return await cancellable((signal) =>
      backups.backup({
        source: drive.device,
        target: directory,
        drive: { id, label: basename(drive.path), format: drive.format },
        bitmap,
        mode: flags.full ? 'full' : 'auto',
        granularity: flags.granularity,
        onProgress: ({ done, total }) => progress.update(done, total),
        signal,
      }),
    );
  } finally {
    progress.stop();
  }
}

/** @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_INVALID (it does not record) */
async function takeBitmap(session: Session, name: string): Promise<BackupBitmap> {
  const { TidemarkError } = await import('@tidemark/core');
  const { requireStore } = await import('../session.ts');
  const store = requireStore(session);
  const content = await store.load(name);
  const info = (await store.list()).find((bitmap) => bitmap.name === name);
  if (info?.enabled !== true) {
    throw new TidemarkError('BITMAP_INVALID', `bitmap '${name}' is disabled and misses writes`, {
      where: store.label,
      bitmap: name,
      hint: `enable it (tidemark bitmap enable) and remove and add it again if the drive was written meanwhile`,
    });
  }
  return {
    name,
    content,
    onDurable: async () => {
      const clean = content.clone();
      clean.clear();
      await store.commit([{ op: 'store', name, content: clean }]);
    },
  };
}

function summarize({ point, digest, manifest, bytesRead }: BackupResult) {
  const { kind, reason, parent, totals, granularity, drive } = manifest;
  return { point, digest, kind, reason, parent, size: drive.size, granularity, totals, bytesRead };
}

function describe(result: ReturnType<typeof summarize>): readonly string[] {
  const { point, kind, reason, totals, size } = result;
  return [
    `${point}: ${kind}, because ${reason}`,
    `stored ${formatSize(totals.dataBytes)} of ${formatSize(size)}`,
  ];
}
