import { isTidemarkError } from '@tidemark/core';
import type { Points, RestorePoint } from '@tidemark/http';
import { DirectoryObjectStore } from '@tidemark/object-store';
import { allPoints, openRepository } from '@tidemark/repository';
import { within } from './within.ts';

const MOST = 100;
/** Milliseconds for which what was read is taken as it is. */
const FRESH = 2000;
/** Milliseconds that an answer waits; who comes next finds what came later. */
const PATIENCE = 1000;

interface Read {
  readonly points: readonly RestorePoint[];
  readonly problem: string | undefined;
}

/** The last restore points of repositories. A slow disk keeps nobody waiting. */
export class RestorePoints {
  readonly #repositories: readonly OneRepository[];

  constructor(paths: readonly string[]) {
    this.#repositories = paths.map((path) => new OneRepository(path));
  }

  async list(): Promise<Points> {
    const found = await Promise.all(this.#repositories.map((each) => each.read()));
    const points = found.flatMap(({ points: some }) => some);
    return {
      points: points.toSorted((a, b) => b.time.localeCompare(a.time)).slice(0, MOST),
      problems: found.flatMap(({ problem }) => problem ?? []),
    };
  }
}

class OneRepository {
  readonly #path: string;
  /** By ids: a manifest never changes. */
  #known: ReadonlyMap<string, RestorePoint> = new Map();
  #last: Read | undefined;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Read> {
    if (performance.now() - this.#readAt > FRESH) {
      this.#reading ??= this.#refresh().finally(() => {
        this.#reading = undefined;
      });
      await within(PATIENCE, () => this.#reading);
    }
    return this.#last ?? { points: [], problem: `${this.#path}: it is still being read` };
  }

  async #refresh(): Promise<void> {
    try {
      this.#last = await this.#readAll();
    } catch (error) {
      const text = isTidemarkError(error) ? error.message : String(error);
      this.#last = { points: this.#last?.points ?? [], problem: `${this.#path}: ${text}` };
    }
    this.#readAt = performance.now();
  }

  async #readAll(): Promise<Read> {
    await using store = new DirectoryObjectStore(this.#path);
    const repository = await openRepository(store);
    const named = allPoints(await repository.readRoot())
      .toSorted((a, b) => b.created.localeCompare(a.created))
      .slice(0, MOST);
    const known = new Map<string, RestorePoint>();
    let damaged = 0;
    for (const { id, drive } of named) {
      const found = this.#known.get(id) ?? (await this.#readPoint(repository, id, drive.label));
      if (found === undefined) damaged += 1;
      else known.set(id, found);
    }
    this.#known = known;
    const text = `${this.#path}: ${damaged} manifests are damaged or missing`;
    return { points: [...known.values()], problem: damaged === 0 ? undefined : text };
  }

  async #readPoint(
    repository: Awaited<ReturnType<typeof openRepository>>,
    id: string,
    label: string,
  ): Promise<RestorePoint | undefined> {
    try {
      const { created: time, kind, reason, drive, totals } = await repository.readManifest(id);
      const { storedBytes } = totals;
      const size = drive.size;
      return { id, repository: this.#path, drive: label, time, kind, reason, size, storedBytes };
    } catch (error) {
      if (isTidemarkError(error, 'BACKUP_CORRUPT')) return undefined;
      throw error;
    }
  }
}
