import { openFileDevice } from '@tidemark/block';
import {
  type BitmapChange,
  type BitmapFile,
  type BitmapInfo,
  type BitmapStore,
  decodeBitmapFile,
  DirtyBitmap,
  type FiledBitmap,
  TidemarkError,
} from '@tidemark/core';
import type { Drive } from '../open-drive.ts';
import { type CarriedBitmap, describeCarried } from './export-bitmaps.ts';
import { judgeOrigin, type OriginVerdict } from './origin.ts';

/** Bytes. */
const MAX_FILE_BYTES = 2 ** 31;

/** What `importBitmaps` takes from a file, and what it does where nothing tells whether that is true. */
export interface ImportBitmapsOptions {
  readonly drive: Drive;
  readonly store: BitmapStore;
  readonly file: BitmapFile;
  /** What becomes of a bitmap that has the name of one in the file. */
  readonly existing: 'refuse' | 'replace' | 'merge';
  /** Whether somebody vouches that the drive holds what it held at the export, if nothing tells. */
  readonly trust: boolean;
  /** Makes all dirty what is not known to be true, which is true of any drive. */
  readonly force: boolean;
}

/** What `importBitmaps` took, and how the file and the drive belong together. */
export interface ImportReport {
  readonly bitmaps: readonly CarriedBitmap[];
  readonly origin: OriginVerdict;
}

/** @throws FILE_NOT_FOUND, as `decodeBitmapFile`, I/O codes */
export async function readBitmapFile(path: string): Promise<BitmapFile> {
  await using file = await openFileDevice(path, { lock: false });
  if (file.size > MAX_FILE_BYTES) {
    const hint = 'name a file that `tidemark bitmap export` made';
    throw new TidemarkError('IMAGE_UNRECOGNIZED', `'${path}' is too large for a file of bitmaps`, {
      where: path,
      hint,
    });
  }
  const bytes = new Uint8Array(file.size);
  await file.read(bytes, 0);
  return decodeBitmapFile(bytes, path);
}

/**
 * Puts the bitmaps of a file into a drive's store, all in one commit, or none. They say what was
 * written before the export, so they are true only of a drive that was not written since: where that
 * is not known, somebody has to vouch for it, and where it is known not to be so, nobody can.
 * @throws BITMAP_INVALID (another size), BITMAP_INCONSISTENT (the drive was written since, or nobody
 *   vouches for it), BITMAP_EXISTS, and as `BitmapStore.commit`: nothing was changed
 */
export async function importBitmaps(options: ImportBitmapsOptions): Promise<ImportReport> {
  const { drive, store, file } = options;
  if (file.diskSize !== store.diskSize) throw otherSize(options);
  const origin = await judgeOrigin(file.origin, drive);
  const isTrue = origin.kind === 'same' || (origin.kind === 'unknown' && options.trust);
  if (!isTrue && !options.force) throw notTrue(options, origin);
  const bitmaps = isTrue ? file.bitmaps : file.bitmaps.map(allDirty);
  const infos = new Map((await store.list()).map((info) => [info.name, info]));
  // The commit point of all of them.
  await store.commit(
    bitmaps.flatMap((bitmap) => changesFor(bitmap, infos.get(bitmap.name), options)),
  );
  return { bitmaps: bitmaps.map(describeCarried), origin };
}

function changesFor(
  { name, enabled, content, checkpoint }: FiledBitmap,
  info: BitmapInfo | undefined,
  { existing, store }: ImportBitmapsOptions,
): readonly BitmapChange[] {
  const known = checkpoint !== undefined && { checkpoint };
  const create: BitmapChange = { op: 'create', name, enabled, content, ...known };
  if (info === undefined) return [create];
  if (existing === 'replace') return [{ op: 'remove', name }, create];
  if (existing === 'merge') return [{ op: 'merge', name, sources: [content] }];
  throw new TidemarkError('BITMAP_EXISTS', `${store.label} has a bitmap '${name}'`, {
    where: store.label,
    bitmap: name,
    hint: 'add --replace to put that of the file in its place, or --merge to make one of both',
  });
}

function allDirty({ name, enabled, content }: FiledBitmap): FiledBitmap {
  const all = new DirtyBitmap(content.diskSize, content.granularity);
  all.setAll();
  return { name, enabled, content: all, isUntrusted: true };
}

function otherSize({ drive, store, file }: ImportBitmapsOptions): TidemarkError {
  const text = `the bitmaps are of a drive of ${file.diskSize} bytes, and this has ${store.diskSize}`;
  const hint = 'name the drive whose bitmaps they are';
  return new TidemarkError('BITMAP_INVALID', text, { where: drive.path, hint });
}

function notTrue({ drive }: ImportBitmapsOptions, verdict: OriginVerdict): TidemarkError {
  const where = drive.path;
  const reason = verdict.kind === 'same' ? '' : verdict.reason;
  if (verdict.kind === 'changed') {
    const text = `the drive was written since the export, which its bitmaps missed: ${reason}`;
    const hint = 'begin with a full backup, or add --force to import them as all dirty';
    return new TidemarkError('BITMAP_INCONSISTENT', text, { where, hint });
  }
  const text = `whether the bitmaps are true of this drive is not known: ${reason}`;
  const hint = 'add --trust if nobody has written the drive since, --force to take all as dirty';
  return new TidemarkError('BITMAP_INCONSISTENT', text, { where, hint });
}
