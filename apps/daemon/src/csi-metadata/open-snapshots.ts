import { RepositorySnapshots } from '@tidemark/csi-metadata';
import { TidemarkError } from '@tidemark/core';
import { DirectoryObjectStore, type ObjectStore } from '@tidemark/object-store';
import { printable } from '@tidemark/program';
import { openRepository, type Secret } from '@tidemark/repository';
import type { CsiMetadataConfig } from '../config/other-apis-schema.ts';
import { readSecretFile } from '../secret-file.ts';

/** Where a repository is, and what opens it. */
export type RepositoryPlace = Pick<
  CsiMetadataConfig,
  'repository' | 'passphrase-file' | 'key-file'
>;

/** Bytes of a file with a key or a passphrase at most. */
const LONGEST = 65_536;

/** The points of a repository, and what lets go of it. */
export interface OpenSnapshots {
  readonly points: RepositorySnapshots;
  close(): Promise<void>;
}

/** @throws BACKUP_NOT_FOUND, PERMISSION_DENIED (the secret is missing or does not fit), I/O codes */
export async function openSnapshots(place: RepositoryPlace): Promise<OpenSnapshots> {
  const secret = await readSecret(place);
  const store = await openStore(place.repository);
  try {
    const points = new RepositorySnapshots(await openRepository(store, { secret }));
    return { points, close: async () => store[Symbol.asyncDispose]() };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function openStore(place: string): Promise<ObjectStore> {
  if (!place.startsWith('s3://')) return new DirectoryObjectStore(place);
  const { openS3Store } = await import('@tidemark/object-store-s3');
  return openS3Store(place);
}

/** As `tidemark` takes them: all of a key file, the first line of one with a passphrase. */
async function readSecret(place: RepositoryPlace): Promise<Secret | undefined> {
  const { 'passphrase-file': passphraseFile, 'key-file': keyFile } = place;
  if (keyFile !== undefined) return { kind: 'key', key: await readWhole(keyFile) };
  if (passphraseFile === undefined) return undefined;
  const text = (await readWhole(passphraseFile)).toString('utf8');
  return { kind: 'passphrase', passphrase: text.split(/\r?\n/, 1)[0]! };
}

/** A key in part would be another key. */
async function readWhole(path: string): Promise<Buffer> {
  const bytes = await readSecretFile(path, LONGEST + 1);
  if (bytes.length <= LONGEST) return bytes;
  throw new TidemarkError('USAGE', `'${printable(path)}' has more than ${LONGEST} bytes`, {
    where: path,
    hint: 'name a file with a key or a passphrase',
  });
}
