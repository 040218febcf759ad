import { join } from 'node:path';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { type FileSystem, withErrorCodes } from '../files/file-system.ts';
import { readSmallFile } from '../files/whole-files.ts';
import type { GranuleRun } from '../format/index-reader.ts';
import {
  decodeHead,
  decodeManifest,
  type Manifest,
  manifestDigest,
  MAX_MANIFEST_SIZE,
  type PointReference,
} from '../format/manifest.ts';
import { HEAD_NAME, MANIFEST_NAME, parsePointName, type PointKind } from '../format/names.ts';
import { type ChainLink, type PointSource, readChain } from './chain.ts';
import { composeChain } from './compose.ts';

/** A restore point whose manifest is whole. That its files and parents are, `readChain` tells. */
export interface SoundPoint {
  readonly name: string;
  readonly number: number;
  readonly kind: PointKind;
  readonly manifest: Manifest;
  /** SHA-256 of manifest.json; what a child keeps of its parent. */
  readonly digest: string;
}

/** A restore point whose manifest cannot be used. */
export interface DamagedPoint {
  readonly name: string;
  readonly number: number;
  readonly kind: PointKind;
  readonly problem: TidemarkError;
}

/** What stands in a backup directory for one backup: whole, or damaged and with the reason why. */
export type RestorePoint = SoundPoint | DamagedPoint;

/** Of `openBackupDirectory`. */
export interface DirectoryOptions {
  /** Default node:fs/promises. */
  readonly fs?: FileSystem | undefined;
}

/** A directory of restore points of one drive, for reading. Nothing stays open between calls. */
export class BackupDirectory implements PointSource {
  readonly path: string;
  readonly fs: FileSystem;

  constructor(path: string, fs: FileSystem) {
    this.path = path;
    this.fs = fs;
  }

  /** Oldest first. What an interrupted backup left is no restore point, nor are other files. */
  async list(): Promise<readonly RestorePoint[]> {
    const names = await this.#names();
    const points: RestorePoint[] = [];
    for (const name of names) points.push(await this.#look(name));
    return points;
  }

  async #names(): Promise<readonly string[]> {
    const entries = await this.fs.readdir(this.path);
    return entries.filter((entry) => parsePointName(entry) !== undefined).sort();
  }

  async #look(name: string): Promise<RestorePoint> {
    try {
      return await this.point(name);
    } catch (problem) {
      if (!isTidemarkError(problem)) throw problem;
      return { name, ...parsePointName(name)!, problem };
    }
  }

  /** @throws BACKUP_NOT_FOUND, BACKUP_CORRUPT */
  async point(name: string): Promise<SoundPoint> {
    const parsed = parsePointName(name);
    if (parsed === undefined) throw notFound(this.path, `restore point '${name}'`);
    const path = join(this.path, name, MANIFEST_NAME);
    const bytes = await this.#readManifest(name, path);
    const manifest = decodeManifest(bytes, path);
    if (manifest.point !== name || manifest.kind !== parsed.kind) {
      const reason = `holds the manifest of '${manifest.point}'`;
      throw new TidemarkError('BACKUP_CORRUPT', `'${name}' ${reason}`, { where: path });
    }
    return { name, ...parsed, manifest, digest: manifestDigest(bytes) };
  }

  async #readManifest(name: string, path: string): Promise<Uint8Array> {
    try {
      return await readSmallFile(this.fs, path, MAX_MANIFEST_SIZE);
    } catch (cause) {
      if (!isTidemarkError(cause, 'FILE_NOT_FOUND')) throw cause;
      if (!(await this.#names()).includes(name)) {
        throw notFound(this.path, `restore point '${name}'`);
      }
      const context = { where: path };
      throw new TidemarkError('BACKUP_CORRUPT', `'${name}' has no manifest`, context, cause);
    }
  }

  /**
   * The name of a restore point that a user means: its name, its number, or the newest one.
   * @throws BACKUP_NOT_FOUND
   */
  async resolve(wanted?: string): Promise<string> {
    const names = await this.#names();
    if (wanted === undefined) {
      const newest = names.at(-1);
      if (newest === undefined) throw notFound(this.path, 'restore point');
      return newest;
    }
    const number = /^\d{1,6}$/.test(wanted) ? Number(wanted) : undefined;
    const found = names.find((name) => name === wanted || parsePointName(name)?.number === number);
    if (found === undefined) throw notFound(this.path, `restore point '${wanted}'`);
    return found;
  }

  /**
   * A restore point and all that it stands on, the full one first. Manifests, digests, drive and
   * the sizes of files are checked; contents of indexes and data are not.
   * @throws BACKUP_NOT_FOUND, BACKUP_CORRUPT, BACKUP_PARENT_MISMATCH
   */
  async readChain(point?: string): Promise<readonly ChainLink[]> {
    return await readChain(this, await this.resolve(point));
  }

  /**
   * The digests of the drive's granules as they were at a restore point, in order and without
   * gaps: 16 bytes each, none where the drive was zero.
   */
  async *digestsAt(point?: string): AsyncGenerator<GranuleRun, void, undefined> {
    const chain = await this.readChain(point);
    for await (const { run } of composeChain(this.fs, chain)) yield run;
  }

  /** The point that was committed last, as head.json tells; undefined without one that is whole. */
  async head(): Promise<PointReference | undefined> {
    const path = join(this.path, HEAD_NAME);
    try {
      return decodeHead(await readSmallFile(this.fs, path, MAX_MANIFEST_SIZE), path);
    } catch (error) {
      const isAbsent = isTidemarkError(error, 'FILE_NOT_FOUND');
      if (isAbsent || isTidemarkError(error, 'BACKUP_CORRUPT')) return undefined;
      throw error;
    }
  }
}

function notFound(where: string, what: string): TidemarkError {
  return new TidemarkError('BACKUP_NOT_FOUND', `there is no ${what} in '${where}'`, {
    where,
    hint: 'list the restore points of the directory',
  });
}

/** @throws FILE_NOT_FOUND, PERMISSION_DENIED */
export async function openBackupDirectory(
  path: string,
  options: DirectoryOptions = {},
): Promise<BackupDirectory> {
  const directory = new BackupDirectory(path, withErrorCodes(options.fs));
  await directory.fs.readdir(path);
  return directory;
}
