import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { backup, type BackupBitmap, type BackupResult, followChain } from '@tidemark/backup';
import { type BitmapStore, defaultGranularity, TidemarkError } from '@tidemark/core';
import { type Drive, isNbdUri } from '@tidemark/drive';
import type { DriveFlags } from './flags.ts';
import { longWork } from './long-work.ts';
import { withDrive, withStore } from './session.ts';

export interface BackUpOptions extends DriveFlags {
  readonly full?: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
}

/** Needs no right to write: a reader's lock keeps writers out, so the copy is of one instant. */
export async function backUp(
  path: string,
  directory: string,
  options: BackUpOptions,
): Promise<BackupResult> {
  return withDrive(path, options, { access: 'read', content: true }, (drive) =>
    copy(drive, directory, options),
  );
}

/** @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_INVALID (it does not record), as `backup` */
export async function backUpByBitmap(
  path: string,
  directory: string,
  options: BackUpOptions & { readonly bitmap: string },
): Promise<BackupResult> {
  const session = { access: 'bitmaps', content: true } as const;
  return withStore(path, options, session, async (store, { drive }) =>
    copy(drive, directory, options, await takeBitmap(store, options.bitmap)),
  );
}

/**
 * By a bitmap that is named for the restore point at which it began. It is made, and so is the
 * sidecar of a raw drive where there is none. @throws BITMAP_INVALID (the name), as `backup`
 */
export async function backUpChain(
  path: string,
  directory: string,
  options: BackUpOptions & { readonly chain: string },
): Promise<BackupResult> {
  const session = { access: 'bitmaps', content: true, create: true } as const;
  return withStore(path, options, session, async (store, { drive }) => {
    const granularity = options.granularity ?? defaultGranularity(drive.image?.info.clusterSize);
    const chain = { name: options.chain, target: directory, granularity };
    return copy(drive, directory, options, await followChain(store, chain));
  });
}

async function copy(
  drive: Drive,
  directory: string,
  options: BackUpOptions,
  bitmap?: BackupBitmap,
): Promise<BackupResult> {
  const id = options.driveId ?? (await idOf(drive.path));
  return longWork('backup', (signal, progress) =>
    backup({
      source: drive.device,
      target: directory,
      drive: { id, label: basename(drive.path), format: drive.format },
      bitmap,
      mode: options.full ? 'full' : 'auto',
      granularity: options.granularity,
      onProgress: ({ done, total }) => progress.update(done, total),
      signal,
    }),
  );
}

/** What a drive's backups know it by, unless they are told. @throws USAGE: it is too long */
export async function idOf(path: string): Promise<string> {
  const real = isNbdUri(path) ? path : await realpath(path);
  if (real.length <= 1024) return real;
  throw new TidemarkError('USAGE', `path '${real}' is too long to name the drive in a manifest`, {
    where: path,
    hint: 'name the drive with --drive-id',
  });
}

export async function takeBitmap(store: BitmapStore, name: string): Promise<BackupBitmap> {
  const content = await store.load(name);
  const info = (await store.list()).find((bitmap) => bitmap.name === name);
  if (info?.enabled !== true) {
    throw new TidemarkError('BITMAP_INVALID', `bitmap '${name}' is disabled and misses writes`, {
      where: store.label,
      bitmap: name,
      hint: 'enable it: the next backup is a full one then',
    });
  }
  return {
    name,
    content,
    checkpoint: info.checkpoint,
    checkpointLost: info.checkpointLost,
    onDurable: async (checkpoint) => {
      await store.commit([{ op: 'clear', name, checkpoint }]);
    },
  };
}
