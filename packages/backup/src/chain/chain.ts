import { join } from 'node:path';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { FileSystem } from '../files/file-system.ts';
import type { Manifest, PointReference } from '../format/manifest.ts';
import { parsePointName } from '../format/names.ts';

/** Restore points that stand on one another: bounds open files and the cost of a restore. */
export const MAX_CHAIN_LENGTH = 512;

/** One restore point of a chain. */
export interface ChainLink {
  readonly name: string;
  /** Its folder. */
  readonly path: string;
  readonly manifest: Manifest;
  readonly digest: string;
}

/** What a chain is read from. */
export interface PointSource {
  readonly path: string;
  readonly fs: FileSystem;
  point(name: string): Promise<Omit<ChainLink, 'path'>>;
}

function mismatch(child: string, where: string, reason: string, cause?: unknown): TidemarkError {
  return new TidemarkError(
    'BACKUP_PARENT_MISMATCH',
    `'${child}' cannot be composed: ${reason}`,
    { where, hint: 'restore an earlier point, or make a full backup' },
    cause,
  );
}

async function readParent(
  source: PointSource,
  child: ChainLink,
  reference: PointReference,
): Promise<ChainLink> {
  const { point } = reference;
  const number = parsePointName(point)?.number;
  if (number === undefined || number >= parsePointName(child.name)!.number) {
    throw mismatch(child.name, child.path, `its parent '${point}' is not an earlier point`);
  }
  const parent = await source.point(point).catch((cause: unknown) => {
    if (!isTidemarkError(cause, 'BACKUP_NOT_FOUND')) throw cause;
    throw mismatch(child.name, child.path, `its parent '${point}' is missing`, cause);
  });
  if (parent.digest !== reference.digest) {
    throw mismatch(child.name, child.path, `'${point}' is not the parent that it was made on`);
  }
  const [old, young] = [parent.manifest, child.manifest];
  if (
    old.drive.id !== young.drive.id ||
    old.drive.size !== young.drive.size ||
    old.granularity !== young.granularity
  ) {
    throw mismatch(child.name, child.path, `'${point}' is of another drive, size or granularity`);
  }
  return { ...parent, path: join(source.path, point) };
}

async function checkFileSizes(fs: FileSystem, { path, manifest }: ChainLink): Promise<void> {
  for (const { name, size } of [manifest.files.index, manifest.files.data]) {
    const filePath = join(path, name);
    const found = await sizeOf(fs, filePath);
    if (found === size) continue;
    const state = found === undefined ? 'is missing' : `has ${found} bytes instead of ${size}`;
    throw new TidemarkError('BACKUP_CORRUPT', `'${filePath}' ${state}`, { where: filePath });
  }
}

async function sizeOf(fs: FileSystem, path: string): Promise<number | undefined> {
  try {
    const file = await fs.open(path, 'r');
    try {
      return Number((await file.stat()).size);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** As BackupDirectory.readChain, for a point named exactly. */
export async function readChain(source: PointSource, name: string): Promise<readonly ChainLink[]> {
  let link: ChainLink = { ...(await source.point(name)), path: join(source.path, name) };
  const chain = [link];
  while (link.manifest.parent !== null) {
    if (chain.length === MAX_CHAIN_LENGTH) {
      const reason = `it stands on more than ${MAX_CHAIN_LENGTH} others`;
      throw mismatch(name, source.path, reason);
    }
    link = await readParent(source, link, link.manifest.parent);
    chain.unshift(link);
  }
  for (const each of chain) await checkFileSizes(source.fs, each);
  return chain;
}
