import { randomBytes } from 'node:crypto';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { ObjectStore } from '@tidemark/object-store';
import { BlobReader } from './blobs/blob-reader.ts';
import { type LoadedIndex, loadIndex } from './blobs/load-index.ts';
import { AesSealer } from './crypt/aes-sealer.ts';
import { PLAIN_SEALER, type Sealer } from './crypt/sealer.ts';
import { openMaster, sealMaster, type Secret } from './crypt/secret.ts';
import {
  type Compression,
  decodeConfig,
  encodeConfig,
  type RepositoryConfig,
} from './format/config.ts';
import { corrupt } from './format/corrupt.ts';
import { toHex } from './format/digest.ts';
import { decodeManifest, encodeManifest, type PointManifest } from './format/manifest.ts';
import { CONFIG_KEY, KEYS_PREFIX, pointKey, ROOT_REFERENCE } from './format/object-keys.ts';
import { decodeRoot, EMPTY_ROOT, encodeRoot, type Root } from './format/root.ts';
import { assertRootFits } from './root-limits.ts';

/** Times that somebody else may be quicker, one after the other. */
const MAX_SWAPS = 100;
const MAX_KEYS = 64;

/** Of `openRepository`. */
export interface OpenRepositoryOptions {
  /** Of an encrypted one. */
  readonly secret?: Secret | undefined;
}

/** Of `createRepository`. */
export interface CreateRepositoryOptions extends OpenRepositoryOptions {
  /** Default `zstd`. */
  readonly compression?: Compression | undefined;
}

/** Restore points of drives, in an object store. It does not own the store. */
export class Repository {
  readonly store: ObjectStore;
  readonly config: RepositoryConfig;
  readonly sealer: Sealer;
  #index: Promise<LoadedIndex> | undefined;

  constructor(store: ObjectStore, config: RepositoryConfig, sealer: Sealer) {
    this.store = store;
    this.config = config;
    this.sealer = sealer;
  }

  get label(): string {
    return this.store.label;
  }

  /** Where every blob lies. Loaded once, and again after `forgetIndex`. */
  async index(): Promise<LoadedIndex> {
    this.#index ??= this.readRoot().then((root) => loadIndex(this.store, this.sealer, root));
    try {
      return await this.#index;
    } catch (error) {
      this.#index = undefined;
      throw error;
    }
  }

  /** After a failed write, or when others may have changed what there is. */
  forgetIndex(): void {
    this.#index = undefined;
  }

  /** Reads blobs, and loads the index when it reads the first. */
  async reader(): Promise<BlobReader> {
    return new BlobReader(this.store, this.sealer, (await this.index()).blobs);
  }

  async readRoot(): Promise<Root> {
    return (await this.#readRoot()).root;
  }

  async #readRoot() {
    const found = await this.store.readReference(ROOT_REFERENCE);
    if (found === undefined) return { root: EMPTY_ROOT, version: undefined };
    const plain = this.sealer.openObject(ROOT_REFERENCE, found.bytes);
    return { root: decodeRoot(plain, ROOT_REFERENCE), version: found.version };
  }

  /**
   * Changes which points there are. `change` is called again where somebody else was quicker, so it
   * has to find what it did itself and leave it as it is. This is the commit point of everything.
   * @throws LOCKED: others are quicker all the time; what `change` throws
   */
  async changeRoot(change: (root: Root) => Root | Promise<Root>): Promise<Root> {
    for (let attempt = 0; attempt < MAX_SWAPS; attempt++) {
      const { root, version } = await this.#readRoot();
      const next = await change(root);
      if (next === root) return root;
      assertRootFits(next, this.label);
      const bytes = this.sealer.sealObject(ROOT_REFERENCE, encodeRoot(next));
      const swapped = await this.store.swapReference(ROOT_REFERENCE, version, bytes);
      if (swapped !== undefined) return next;
    }
    throw new TidemarkError('LOCKED', `other writers leave no turn in ${this.label}`, {
      where: this.label,
      hint: 'run it again when fewer others are writing',
    });
  }

  /** Durable when this resolves; nobody sees it before the root names it. @returns its id */
  async putManifest(manifest: PointManifest): Promise<string> {
    return this.putManifestBytes(encodeManifest(manifest));
  }

  /** The same, of a manifest that was encoded already: members that are not known stay. */
  async putManifestBytes(plain: Uint8Array): Promise<string> {
    const id = toHex(this.sealer.digest(plain));
    await this.store.putIfAbsent(pointKey(id), this.sealer.sealObject(pointKey(id), plain));
    return id;
  }

  /** @throws BACKUP_CORRUPT: also where it is missing */
  async readManifest(id: string): Promise<PointManifest> {
    return decodeManifest(await this.readManifestBytes(id), pointKey(id));
  }

  /** The same, as it was encoded. @throws BACKUP_CORRUPT */
  async readManifestBytes(id: string): Promise<Uint8Array> {
    const key = pointKey(id);
    let stored: Uint8Array;
    try {
      stored = await this.store.get(key);
    } catch (error) {
      if (isTidemarkError(error, 'FILE_NOT_FOUND')) throw corrupt(key, 'it is missing', error);
      throw error;
    }
    const plain = this.sealer.openObject(key, stored);
    if (toHex(this.sealer.digest(plain)) !== id) throw corrupt(key, 'it fails its digest');
    return plain;
  }
}

/** @throws FILE_EXISTS: there is one; USAGE: the secret is too weak; as the store */
export async function createRepository(
  store: ObjectStore,
  { compression = 'zstd', secret }: CreateRepositoryOptions = {},
): Promise<Repository> {
  const id = randomBytes(16).toString('hex');
  const encryption = secret === undefined ? 'none' : 'aes-256-gcm';
  const config: RepositoryConfig = { id, compression, encryption };
  if (await isRepository(store)) throw exists(store.label);
  const sealer = secret === undefined ? PLAIN_SEALER : await makeKey(store, id, secret);
  // The commit point: a key without a repository is nothing.
  if (!(await store.putIfAbsent(CONFIG_KEY, encodeConfig(config)))) throw exists(store.label);
  return new Repository(store, config, sealer);
}

async function makeKey(store: ObjectStore, id: string, secret: Secret): Promise<Sealer> {
  const master = randomBytes(32);
  await store.putIfAbsent(`${KEYS_PREFIX}${id}`, await sealMaster(master, secret));
  return new AesSealer(master);
}

/** Whether a repository was made there. @throws as the store, for what is not just missing */
export async function isRepository(store: ObjectStore): Promise<boolean> {
  try {
    await store.get(CONFIG_KEY);
    return true;
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return false;
    throw error;
  }
}

/** @throws BACKUP_NOT_FOUND: there is none; PERMISSION_DENIED: the secret does not open it */
export async function openRepository(
  store: ObjectStore,
  { secret }: OpenRepositoryOptions = {},
): Promise<Repository> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(CONFIG_KEY);
  } catch (error) {
    if (!isTidemarkError(error, 'FILE_NOT_FOUND')) throw error;
    throw new TidemarkError(
      'BACKUP_NOT_FOUND',
      `there is no repository in ${store.label}`,
      { where: store.label, hint: 'tidemark repo create makes one' },
      error,
    );
  }
  const config = decodeConfig(bytes, CONFIG_KEY);
  if (config.encryption === 'none') return new Repository(store, config, PLAIN_SEALER);
  return new Repository(store, config, await openKeys(store, secret));
}

async function openKeys(store: ObjectStore, secret: Secret | undefined): Promise<Sealer> {
  const where = store.label;
  if (secret === undefined) {
    const hint = 'add --passphrase-file FILE or --key-file FILE';
    throw new TidemarkError('PERMISSION_DENIED', `${where} is encrypted`, { where, hint });
  }
  let tried = 0;
  for await (const { key } of store.list(KEYS_PREFIX)) {
    if (tried === MAX_KEYS) break;
    tried += 1;
    const master = await openMaster(await store.get(key), secret, key);
    if (master !== undefined) return new AesSealer(master);
  }
  throw new TidemarkError('PERMISSION_DENIED', `this ${secret.kind} does not open ${where}`, {
    where,
    hint: 'give the one with which it was made',
  });
}

function exists(where: string): TidemarkError {
  const hint = 'use it as it is, or name another place';
  return new TidemarkError('FILE_EXISTS', `there is a repository in ${where} already`, {
    where,
    hint,
  });
}
