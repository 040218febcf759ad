import type { DirtyBitmap } from './dirty-bitmap.ts';
import type { LiveBackend, LiveBitmaps } from './live.ts';
import { bitmapState } from './store/bitmap-state.ts';
import { DirectoryDraft } from './store/directory-draft.ts';
import { LiveSet } from './store/live-set.ts';
import { planCommit } from './store/plan-commit.ts';
import { Refusals } from './store/refusals.ts';
import type {
  AcquireOptions,
  BitmapBackend,
  BitmapChange,
  BitmapInfo,
  BitmapStore,
  DirectoryEntry,
} from './store.ts';
import { isUnchanged, unchanging } from './unchanged.ts';

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
  readonly #refusals: Refusals;
  readonly #live: LiveSet | undefined;
  #entries: readonly DirectoryEntry[];
  #acquired: ReadonlySet<string> = new Set();
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;

  constructor(backend: BitmapBackend, entries: readonly DirectoryEntry[]) {
    this.#backend = backend;
    this.#refusals = new Refusals(backend.label);
    this.#entries = entries;
    if (backend.live === undefined || !backend.writable) return;
    this.#live = new LiveSet(backend.live, () => {
      this.#assertOpen();
      this.#assertSound();
    });
  }

  get label(): string {
    return this.#backend.label;
  }

  get id(): string | undefined {
    return this.#backend.id;
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

  #infoOf(entry: DirectoryEntry): BitmapInfo {
    const { name, granularity, enabled, reason, rule, checkpoint } = entry;
    const state = bitmapState(entry, this.#acquired);
    const isTold = reason !== undefined && state === 'inconsistent';
    const checkpointLost = this.#backend.checkpointLost?.(name);
    return {
      name,
      granularity,
      enabled,
      state,
      ...(isTold && { reason }),
      ...(isTold && rule !== undefined && { rule }),
      ...(checkpointLost !== undefined
        ? { checkpointLost }
        : checkpoint !== undefined && { checkpoint }),
    };
  }

  async load(name: string): Promise<DirtyBitmap> {
    return this.#run(async () => this.#backend.readContent(this.#findUsable(name)));
  }

  async acquire(
    names: readonly string[],
    { live = false }: AcquireOptions = {},
  ): Promise<ReadonlyMap<string, DirtyBitmap>> {
    return this.#run(async () => {
      const contents = new Map<string, DirtyBitmap>();
      const draft = this.#draft();
      await unchanging(async () => {
        this.#assertWritable();
        const inUse = live ? this.#liveOrRefuse().inUse : true;
        for (const name of names) {
          const entry = this.#findUsable(name);
          contents.set(name, await this.#backend.readContent(entry));
          draft.use({ ...entry, inUse }, live ? 'live' : 'acquired');
        }
      });
      if (contents.size > 0) await this.#put(draft, contents);
      return contents;
    });
  }

  async commit(changes: readonly BitmapChange[]): Promise<void> {
    // Taken now: the caller may go on to change a bitmap that it has handed over.
    const taken = changes.map((change) =>
      'content' in change ? { ...change, content: change.content.clone() } : change,
    );
    return this.#run(async () => {
      const draft = this.#draft();
      await unchanging(async () => {
        this.#assertWritable();
        const { diskSize, live } = this.#backend;
        planCommit(draft, taken, { diskSize, live, refusals: this.#refusals });
      });
      if (taken.length > 0) await this.#put(draft, draft.contents);
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue;
    await this.#live?.drain();
    await this.#backend.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #draft(): DirectoryDraft {
    const live = this.#live?.names ?? new Set<string>();
    return new DirectoryDraft({ entries: this.#entries, acquired: this.#acquired, live });
  }

  /** Durably makes the draft the directory. `known`: contents by which live bits are measured. */
  async #put(
    draft: DirectoryDraft,
    known: ReadonlyMap<string, Pick<DirtyBitmap, 'serializedLength'>>,
  ): Promise<void> {
    const restoreLive = this.#live?.keepOnly(draft.keptLive);
    const entries = [...draft.entries.values()];
    try {
      // Bits of what is given up have to be in place before their place is given up as well.
      await this.#live?.drain();
      await this.#write(draft, entries);
    } catch (error) {
      restoreLive?.();
      // Where old and new are both possible, only a fresh open can tell, so this store ends.
      if (!isUnchanged(error)) this.#failure = { cause: error };
      throw error;
    }
    this.#entries = entries;
    this.#acquired = draft.acquired;
    try {
      const open = this.#live?.names;
      for (const name of draft.live) {
        if (!open?.has(name)) await this.#live?.open(name, known.get(name)!);
      }
    } catch (error) {
      // What was asked for is on disk, and cannot be used.
      this.#failure = { cause: error };
      throw error;
    }
  }

  async #write(draft: DirectoryDraft, entries: readonly DirectoryEntry[]): Promise<void> {
    if (draft.isChange) {
      const told = entries.map((entry) =>
        draft.live.has(entry.name) ? { ...entry, live: true } : entry,
      );
      await this.#backend.replaceDirectory(told, draft.contents);
      return;
    }
    // What was read may be in the system's cache only, since a crash of the one before us, and so
    // may the last bits of what is live no longer.
    await unchanging(async () => this.#backend.live?.sync());
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
    if (this.#closing !== undefined) throw this.#refusals.closed();
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#refusals.failed(this.#failure.cause);
  }

  #assertWritable(): void {
    if (!this.writable) throw this.#refusals.readOnly();
  }

  #liveOrRefuse(): LiveBackend {
    if (this.#backend.live === undefined) throw this.#refusals.noLive();
    return this.#backend.live;
  }

  #findUsable(name: string): DirectoryEntry {
    const entry = this.#entries.find((known) => known.name === name);
    if (entry === undefined) throw this.#refusals.notFound(name);
    const state = bitmapState(entry, this.#acquired);
    if (state === 'in-use') throw this.#refusals.busy(name);
    const refusal = this.#refusals.ofState(entry, state);
    if (refusal !== undefined) throw refusal;
    return entry;
  }
}
