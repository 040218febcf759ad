import { readFile } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { DirectoryObjectStore, type ObjectStore } from '@tidemark/object-store';
import { isRepository, openRepository, type Repository, type Secret } from '@tidemark/repository';
import type { RepositoryFlags } from './flags.ts';

/** Where a repository is: `s3://BUCKET/PREFIX`, or a directory. */
export async function openPlace(place: string): Promise<ObjectStore> {
  if (!place.startsWith('s3://')) return new DirectoryObjectStore(place);
  const { openS3Store } = await import('@tidemark/object-store-s3');
  return openS3Store(place);
}

/** Whether there is a repository, and not a directory of restore points of one drive. */
export async function holdsRepository(place: string): Promise<boolean> {
  if (place.startsWith('s3://')) return true;
  await using store = await openPlace(place);
  return await isRepository(store);
}

/** Opens a repository, runs `work`, and closes it whatever happens. */
export async function withRepository<T>(
  place: string,
  flags: RepositoryFlags,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const secret = await readSecret(flags);
  await using store = await openPlace(place);
  // Awaited here: the store is closed when this function ends.
  return await work(await openRepository(store, { secret }));
}

/** @throws USAGE: both are given, or what a file holds is no secret */
export async function readSecret(flags: RepositoryFlags): Promise<Secret | undefined> {
  const { passphraseFile, keyFile } = flags;
  if (passphraseFile !== undefined && keyFile !== undefined) {
    const text = '--passphrase-file and --key-file open a repository in two ways';
    throw new TidemarkError('USAGE', text, { hint: 'leave one of them out' });
  }
  if (keyFile !== undefined) return { kind: 'key', key: await readSmall(keyFile) };
  if (passphraseFile === undefined) return undefined;
  const text = Buffer.from(await readSmall(passphraseFile)).toString('utf8');
  return { kind: 'passphrase', passphrase: text.split(/\r?\n/, 1)[0]! };
}

async function readSmall(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

/** `REPO@POINT`; the point is what stands behind the last `@`. */
export function splitPlace(text: string): { readonly place: string; readonly point?: string } {
  const at = text.lastIndexOf('@');
  return at <= 0 ? { place: text } : { place: text.slice(0, at), point: text.slice(at + 1) };
}
