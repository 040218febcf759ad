import { join } from 'node:path';
import { isTidemarkError, type TidemarkError } from '@tidemark/core';
import { throwIfCancelled } from '../cancel.ts';
import { type BackupDirectory, openBackupDirectory } from '../chain/backup-directory.ts';
import type { ChainLink } from '../chain/chain.ts';
import type { FileSystem } from '../files/file-system.ts';
import { granuleBytes } from '../format/granules.ts';
import { type GranuleRun, readIndex } from '../format/index-reader.ts';
import { INDEX_NAME } from '../format/names.ts';
import { runInFlight } from './in-flight.ts';
import { cutRun, damagedData, damagedGranules, StoredData } from './stored-data.ts';

const IN_FLIGHT = 8;
/** Damaged granules of one restore point that are remembered. */
const MAX_GRANULES = 1000;

/** Bytes of the drive. */
export interface DamagedRange {
  readonly offset: number;
  readonly length: number;
}

/** A restore point that cannot be restored whole, and why. */
export interface VerifyProblem {
  readonly point: string;
  readonly error: TidemarkError;
  /** Where data fails its digests, for the first 1000 granules; none for other problems. */
  readonly ranges: readonly DamagedRange[];
}

/** What `verify` found. */
export interface VerifyReport {
  /** Names of the restore points that were looked at, oldest first. */
  readonly points: readonly string[];
  /** Bytes of data whose digests were computed. */
  readonly dataBytes: number;
  /**
   * Empty: every one of these points can be restored. Damaged data is named once, at the point that
   * holds it, and is missed by every later point that composes it.
   */
  readonly problems: readonly VerifyProblem[];
}

/** What `verify` reads. */
export interface VerifyOptions {
  /** Path of the backup directory. */
  readonly directory: string;
  /** Only this restore point and what it stands on. Default: all. */
  readonly point?: string | undefined;
  readonly onProgress?: ((progress: { readonly dataBytes: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default node:fs/promises. */
  readonly fs?: FileSystem | undefined;
}

/**
 * Reads restore points whole and checks every digest. Damage is reported, not thrown.
 * @throws BACKUP_NOT_FOUND (nothing to look at), CANCELLED, and what files throw
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const directory = await openBackupDirectory(options.directory, { fs: options.fs });
  const wanted = await directory.resolve(options.point);
  const names =
    options.point === undefined ? (await directory.list()).map(({ name }) => name) : [wanted];
  return await new Verifier(directory, options).run(names);
}

class Verifier {
  readonly #directory: BackupDirectory;
  readonly #options: VerifyOptions;
  readonly #seen = new Set<string>();
  readonly #problems: VerifyProblem[] = [];
  #dataBytes = 0;

  constructor(directory: BackupDirectory, options: VerifyOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async run(names: readonly string[]): Promise<VerifyReport> {
    for (const name of names) {
      await this.#collect(name, async () => {
        for (const link of await this.#directory.readChain(name)) await this.#checkLink(link);
      });
      this.#seen.add(name);
    }
    const points = [...this.#seen].sort();
    return { points, dataBytes: this.#dataBytes, problems: this.#problems };
  }

  async #collect(
    point: string,
    check: () => Promise<void>,
    ranges: () => readonly DamagedRange[] = () => [],
  ): Promise<void> {
    try {
      await check();
    } catch (error) {
      const isDamage =
        isTidemarkError(error, 'BACKUP_CORRUPT') ||
        isTidemarkError(error, 'BACKUP_PARENT_MISMATCH');
      if (!isDamage) throw error;
      this.#problems.push({ point, error, ranges: ranges() });
    }
  }

  async #checkLink(link: ChainLink): Promise<void> {
    if (this.#seen.has(link.name)) return;
    this.#seen.add(link.name);
    const damage = new Damage(link);
    const check = async (): Promise<void> => {
      await this.#readAll(link, damage);
      if (damage.first !== undefined) throw damagedData(link, damage.first);
    };
    await this.#collect(link.name, check, () => damage.ranges());
  }

  async #readAll(link: ChainLink, damage: Damage): Promise<void> {
    const { fs } = this.#directory;
    const { signal, onProgress } = this.#options;
    const data = new StoredData(fs);
    const runs = readIndex(fs, join(link.path, INDEX_NAME), link.manifest);
    try {
      await runInFlight(dataParts(runs, link), IN_FLIGHT, async (part) => {
        throwIfCancelled(signal);
        const bytes = await data.read(link, part);
        damage.look(part, bytes);
        this.#dataBytes += bytes.length;
        onProgress?.({ dataBytes: this.#dataBytes });
      });
    } finally {
      await data.close();
    }
  }
}

async function* dataParts(runs: AsyncIterable<GranuleRun>, link: ChainLink) {
  for await (const run of runs) {
    if (run.kind === 'data') yield* cutRun(run, link.manifest.granularity);
  }
}

/** The damaged granules of one restore point, which are met in any order. */
class Damage {
  readonly #link: ChainLink;
  readonly #granules: number[] = [];

  constructor(link: ChainLink) {
    this.#link = link;
  }

  get first(): number | undefined {
    return this.#granules.length === 0 ? undefined : Math.min(...this.#granules);
  }

  look(part: GranuleRun, bytes: Uint8Array): void {
    for (const granule of damagedGranules(part, bytes, this.#link.manifest.granularity)) {
      if (this.#granules.length < MAX_GRANULES) this.#granules.push(granule);
    }
  }

  ranges(): readonly DamagedRange[] {
    const { drive, granularity } = this.#link.manifest;
    const ranges: DamagedRange[] = [];
    for (const granule of this.#granules.toSorted((a, b) => a - b)) {
      const offset = granule * granularity;
      const length = granuleBytes({ size: drive.size, granularity }, granule, 1);
      const last = ranges.at(-1);
      if (last !== undefined && last.offset + last.length === offset) {
        ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
      } else {
        ranges.push({ offset, length });
      }
    }
    return ranges;
  }
}
