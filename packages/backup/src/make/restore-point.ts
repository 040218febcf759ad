import { join } from 'node:path';
import type { DirectoryLock } from '../files/directory-lock.ts';
import type { FileSystem } from '../files/file-system.ts';
import { syncDirectory, writeNewFile } from '../files/whole-files.ts';
import type { Granules } from '../format/granules.ts';
import {
  encodeHead,
  encodeManifest,
  type Manifest,
  manifestDigest,
  type PointReference,
} from '../format/manifest.ts';
import { HEAD_NAME, isLeftover, MANIFEST_NAME, PARTIAL_SUFFIX } from '../format/names.ts';
import { PointWriter } from './point-writer.ts';
import type { Piece } from './read-ahead.ts';

/** Removes what interrupted backups left. Only under the directory's lock. */
export async function removeLeftovers(fs: FileSystem, directory: string): Promise<void> {
  for (const name of await fs.readdir(directory)) {
    if (isLeftover(name)) await fs.rm(join(directory, name), { recursive: true, force: true });
  }
}

export interface NewPoint {
  readonly fs: FileSystem;
  /** The backup directory. */
  readonly directory: string;
  readonly name: string;
  readonly drive: Granules;
  readonly lock: DirectoryLock;
  /** All but what is known only at the end. */
  readonly manifest: Omit<Manifest, 'files' | 'totals'>;
}

/**
 * Writes a restore point under a name that nobody reads, then gives it its own: that rename, once
 * synced, is the commit point. Every failure before it leaves the directory as it was, but for a
 * `.partial` folder where even removing fails.
 */
export async function writeRestorePoint(
  point: NewPoint,
  pieces: AsyncIterable<Piece>,
): Promise<PointReference & { readonly manifest: Manifest }> {
  const { fs, directory, name } = point;
  const folder = join(directory, name + PARTIAL_SUFFIX);
  try {
    await fs.mkdir(folder, { recursive: false });
    const manifest = await fill(point, folder, pieces);
    const bytes = encodeManifest(manifest);
    // The manifest names what is durable already, and gets its name when it is durable itself.
    const temporary = join(folder, MANIFEST_NAME + PARTIAL_SUFFIX);
    await writeNewFile(fs, temporary, bytes);
    await fs.rename(temporary, join(folder, MANIFEST_NAME));
    await syncDirectory(fs, folder);
    const reference = { point: name, digest: manifestDigest(bytes) };
    await commit(point, folder, reference);
    return { ...reference, manifest };
  } catch (error) {
    // The next backup removes it if this fails too.
    await fs.rm(folder, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

async function fill(
  point: NewPoint,
  folder: string,
  pieces: AsyncIterable<Piece>,
): Promise<Manifest> {
  const writer = await PointWriter.create(point.fs, folder, point.drive);
  try {
    for await (const piece of pieces) await writer.add(piece);
    return { ...point.manifest, files: await writer.finish(), totals: writer.totals };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Gives the folder its name, and lets head.json say that it is the last one. */
async function commit(
  { fs, directory, name, lock }: NewPoint,
  folder: string,
  reference: PointReference,
): Promise<void> {
  const head = join(directory, HEAD_NAME);
  await writeNewFile(fs, head + PARTIAL_SUFFIX, encodeHead(reference));
  await lock.check();
  await fs.rename(folder, join(directory, name));
  await fs.rename(head + PARTIAL_SUFFIX, head);
  await syncDirectory(fs, directory);
}
