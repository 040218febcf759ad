import {
  type BitmapFile,
  type BitmapInfo,
  type BitmapStore,
  DirtyBitmap,
  encodeBitmapFile,
  type FiledBitmap,
  TidemarkError,
} from '@tidemark/core';
import { openFileDevice } from '@tidemark/block';
import type { Drive } from '../open-drive.ts';
import { makeWhole } from '../whole-file.ts';
import { originOf } from './origin.ts';

/** What `exportBitmaps` writes, and where to. */
export interface ExportBitmapsOptions {
  readonly drive: Drive;
  readonly store: BitmapStore;
  readonly names: readonly string[];
  /** Of the file; it must not exist. */
  readonly path: string;
  /** Whether a bitmap that is not to be trusted is exported as all dirty, which is true of any drive. */
  readonly force: boolean;
}

/** What of a bitmap went into a file, or came out of one. */
export interface CarriedBitmap {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  readonly enabled: boolean;
  /** Bytes, as QEMU counts them. */
  readonly dirtyBytes: number;
  /** All of it is dirty since nobody knows better. */
  readonly isUntrusted: boolean;
}

/**
 * Writes bitmaps of a drive at rest into a file of their own, with what tells later whether the drive
 * was written since. The file is there whole and durable, or not at all.
 * @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, FILE_EXISTS, USAGE (a name
 *   twice), I/O codes
 */
export async function exportBitmaps(
  options: ExportBitmapsOptions,
): Promise<readonly CarriedBitmap[]> {
  const { drive, store, names, path } = options;
  if (new Set(names).size < names.length) {
    const hint = 'name each bitmap once';
    throw new TidemarkError('USAGE', 'a bitmap is named twice', { where: store.label, hint });
  }
  const infos = new Map((await store.list()).map((info) => [info.name, info]));
  // First: what is written later is seen at the import, whether it came before the bits or after.
  const origin = await originOf(drive);
  const bitmaps: FiledBitmap[] = [];
  for (const name of names) bitmaps.push(await readBitmap(options, infos.get(name), name));
  await writeBitmapFile(path, { diskSize: store.diskSize, origin, bitmaps });
  return bitmaps.map(describeCarried);
}

/** It is there whole and durable, or not at all. @throws FILE_EXISTS, I/O codes */
export async function writeBitmapFile(path: string, content: BitmapFile): Promise<void> {
  await makeWhole(path, async (temporary) => {
    await using file = await openFileDevice(temporary, { create: 'exclusive', writable: true });
    let at = 0;
    for (const piece of encodeBitmapFile(content)) {
      await file.resize(at + piece.length);
      await file.write(piece, at);
      at += piece.length;
    }
    await file.flush();
  });
}

export function describeCarried({
  name,
  enabled,
  content,
  isUntrusted,
}: Omit<FiledBitmap, 'checkpoint'>): CarriedBitmap {
  const { granularity, dirtyBytes } = content;
  return { name, granularity, enabled, dirtyBytes, isUntrusted };
}

async function readBitmap(
  { store, force }: ExportBitmapsOptions,
  info: BitmapInfo | undefined,
  name: string,
): Promise<FiledBitmap> {
  // Says itself what is wrong with it.
  if (info === undefined || info.state === 'stored' || !force || info.state === 'unsupported') {
    const content = await store.load(name).catch((error: unknown) => {
      throw isHopeless(info) ? withHint(error) : error;
    });
    const { enabled, checkpoint } = info!;
    return { name, enabled, content, checkpoint, isUntrusted: false };
  }
  const content = new DirtyBitmap(store.diskSize, info.granularity);
  content.setAll();
  return { name, enabled: info.enabled, content, isUntrusted: true };
}

function isHopeless(info: BitmapInfo | undefined): boolean {
  return info?.state === 'inconsistent';
}

function withHint(error: unknown): unknown {
  if (!(error instanceof TidemarkError)) return error;
  const hint = 'rescan it by its last backup, or add --force to export it as all dirty';
  return new TidemarkError(error.code, error.message, { ...error.context, hint }, error.cause);
}
