import { TidemarkError, type ErrorCode } from './errors.ts';
import type { DirtyBitmap } from './dirty-bitmap.ts';
import { checkBitmapName, MAX_BITMAPS } from './limits.ts';
import type { LiveBackend, LiveBitmaps } from './live.ts';
import { DirectoryDraft } from './store/directory-draft.ts';
import { LiveSet } from './store/live-set.ts';
import type {
  AcquireOptions,
  BitmapBackend,
  BitmapChange,
  BitmapInfo,
  BitmapStore,
  DirectoryEntry,
} from './store.ts';

/**
 * Opens a store on a backend: names, limits, states, order of calls and error codes, for every kind
 * of store alike. The backend belongs to the store from here on, and is closed when this fails.
 */
export async function createBitmapStore(backend: BitmapBackend): Promise<BitmapStore> {
  try {
    return new BackendStore(backend, await backend.readDirectory());
  } catch (error) {
    // Why it could not be opened is what the caller wants to know.
    await backend.close().catch(() => {});
    throw error;
  }
}

class BackendStore implements BitmapStore {
  readonly #backend: BitmapBackend;
  readonly #acquired = new Set<string>();
  readonly #live: LiveSet | undefined;
  #entries: readonly DirectoryEntry[];
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;

  constructor(backend: BitmapBackend, entries: readonly DirectoryEntry[]) {
    this.#backend = backend;
    this.#entries = entries;
    this.#live =
      backend.live &&
      new LiveSet(backend.live, () => {
        this.#assertOpen();
        this.#assertSound();
      });
  }

  get label(): string {
    return this.#backend.label;
  }

  get diskSize(): number {
    return this.#backend.diskSize;
  }

  get writable(): boolean {
    return this.#backend.writable;
  }

  get live(): LiveBitmaps | undefined {
    return this.#live;
  }

  async list(): Promise<readonly BitmapInfo[]> {
    return this.#run(async () => this.#entries.map((entry) => this.#infoOf(entry)));
  }

  async load(name: string): Promise<DirtyBitmap> {
    return this.#run(async () => this.#read(name));
  }

  async acquire(
    names: readonly string[],
    { live = false }: AcquireOptions = {},
  ): Promise<ReadonlyMap<string, DirtyBitmap>> {
    return this.#run(async () => {
      this.#assertWritable();
      const inUse = live ? this.#liveOrRefuse().inUse : true;
      const contents = new Map<string, DirtyBitmap>();
      for (const name of names) contents.set(name, await this.#read(name));
      if (contents.size === 0) return contents;
      const next = this.#entries.map((entry) =>
        contents.has(entry.name) ? { ...entry, inUse } : entry,
      );
      const isChange = this.#entries.some((entry, i) => entry.inUse !== next[i]!.inUse);
      if (isChange) await this.#replace(next, new Map());
      // What was read may be in the system's cache only, since a crash of the one before us.
      else await this.#backend.live?.sync();
      for (const name of contents.keys()) this.#acquired.add(name);
      if (live) await this.#live?.open(contents.keys());
      return contents;
    });
  }

  async commit(changes: readonly BitmapChange[]): Promise<void> {
    // Taken now: the caller may go on to change a bitmap that it has handed over.
    const taken = changes.map((change) =>
      'content' in change ? { ...change, content: change.content.clone() } : change,
    );
    return this.#run(async () => {
      this.#assertWritable();
      if (taken.length === 0) return;
      const draft = new DirectoryDraft(this.#entries);
      for (const change of taken) this.#apply(change, draft);
      if (draft.entries.size > MAX_BITMAPS) {
        throw this.#error('BITMAP_INVALID', `there cannot be more than ${MAX_BITMAPS} bitmaps`);
      }
      await this.#replace([...draft.entries.values()], draft.contents);
      for (const { name } of taken) {
        if (draft.acquired.has(name)) this.#acquired.add(name);
        else this.#acquired.delete(name);
        if (!draft.live.has(name)) this.#live?.close(name);
      }
      await this.#live?.open(draft.live);
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#queue.then(() => this.#backend.close());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #apply(change: BitmapChange, draft: DirectoryDraft): void {
    const { name } = change;
    const present = draft.entries.get(name);
    if (change.op !== 'create' && present === undefined) throw this.#notFound(name);
    if (change.op === 'remove') {
      draft.remove(name);
      return;
    }
    if (change.op === 'release') {
      if (this.#live?.has(name) !== true) throw this.#notLive(name);
      draft.release(name);
      return;
    }
    if (change.op === 'create') {
      checkBitmapName(name);
      if (present !== undefined) {
        const hint = 'choose another name, or remove that one first';
        throw this.#error('BITMAP_EXISTS', `bitmap '${name}' exists already`, name, hint);
      }
    } else if (!draft.fresh.has(name)) {
      this.#assertUsable(present!);
    }
    const { content } = change;
    this.#assertFits(name, content);
    const enabled = change.enabled ?? present!.enabled;
    const entry = { name, granularity: content.granularity, enabled, inUse: false };
    if (change.op === 'store' ? change.live === true : change.acquire === 'live') {
      draft.put({ ...entry, inUse: this.#liveOrRefuse().inUse }, content, 'live');
    } else {
      const isAcquired = change.op === 'create' && change.acquire === true;
      draft.put({ ...entry, inUse: isAcquired }, content, isAcquired ? 'acquired' : 'stored');
    }
  }

  #liveOrRefuse(): LiveBackend {
    if (this.#backend.live !== undefined) return this.#backend.live;
    const text = `${this.label} cannot keep bitmaps valid while they are in use`;
    throw this.#error('BITMAP_UNSUPPORTED', text, undefined, 'acquire them without live');
  }

  async #read(name: string): Promise<DirtyBitmap> {
    const entry = this.#entries.find((known) => known.name === name);
    if (entry === undefined) throw this.#notFound(name);
    if (this.#acquired.has(name)) {
      const hint = 'wait until it is stored again';
      throw this.#error('BITMAP_BUSY', `bitmap '${name}' is in use`, name, hint);
    }
    this.#assertUsable(entry);
    return this.#backend.readContent(entry);
  }

  async #replace(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
  ): Promise<void> {
    try {
      await this.#backend.replaceDirectory(entries, contents);
    } catch (error) {
      // Old and new are both possible now. Only a fresh open can tell, so this store ends here.
      this.#failure = { cause: error };
      throw error;
    }
    this.#entries = entries;
  }

  /** One call at a time, and none after close. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const result = this.#queue.then(() => {
      this.#assertSound();
      return work();
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw this.#error('STORE_CLOSED', `${this.label} is closed`);
  }

  #assertSound(): void {
    if (this.#failure === undefined) return;
    const context = { where: this.label, hint: 'open it again to see what it holds' };
    const { cause } = this.#failure;
    throw new TidemarkError('STORE_FAILED', `${this.label} failed before`, context, cause);
  }

  #infoOf({ name, granularity, enabled, inUse, unsupported }: DirectoryEntry): BitmapInfo {
    const found = unsupported !== undefined ? 'unsupported' : inUse ? 'inconsistent' : 'stored';
    const state = this.#acquired.has(name) ? 'in-use' : found;
    return { name, granularity, enabled, state };
  }

  #assertUsable(entry: DirectoryEntry): void {
    const { name, unsupported } = entry;
    const { state } = this.#infoOf(entry);
    if (state === 'unsupported') {
      const text = `bitmap '${name}' cannot be used: ${unsupported}`;
      throw this.#error('BITMAP_UNSUPPORTED', text, name, 'remove it, or use what made it');
    }
    if (state === 'inconsistent') {
      const text = `bitmap '${name}' was not saved correctly and can only be removed`;
      const hint = 'remove it, add it again and start with a full backup';
      throw this.#error('BITMAP_INCONSISTENT', text, name, hint);
    }
  }

  #assertFits(name: string, { diskSize }: DirtyBitmap): void {
    if (diskSize === this.diskSize) return;
    const text = `bitmap '${name}' is for a disk of ${diskSize} bytes, not ${this.diskSize}`;
    throw this.#error('BITMAP_INVALID', text, name);
  }

  #assertWritable(): void {
    if (this.writable) return;
    const hint = 'open it for writing';
    throw this.#error('STORE_READ_ONLY', `${this.label} is open for reading only`, undefined, hint);
  }

  #notLive(name: string): TidemarkError {
    const text = `bitmap '${name}' is not live`;
    return this.#error('BITMAP_INVALID', text, name, 'acquire it with live first');
  }

  #notFound(name: string): TidemarkError {
    const text = `there is no bitmap '${name}' in ${this.label}`;
    return this.#error('BITMAP_NOT_FOUND', text, name, 'list the bitmaps to see which there are');
  }

  #error(code: ErrorCode, message: string, bitmap?: string, hint?: string): TidemarkError {
    return new TidemarkError(code, message, {
      where: this.label,
      ...(bitmap !== undefined && { bitmap }),
      ...(hint !== undefined && { hint }),
    });
  }
}
