import type { DirtyBitmap } from './dirty-bitmap.ts';
import { isTidemarkError, type TidemarkError } from './errors.ts';
import type { LiveBackend, LiveBitmaps } from './live.ts';
import { bitmapInfo } from './store/bitmap-state.ts';
import { DirectoryDraft } from './store/directory-draft.ts';
import { findUsable } from './store/find-usable.ts';
import { HeldCommit } from './store/held-commit.ts';
import { LiveSet } from './store/live-set.ts';
import { withLost } from './store/lost-live.ts';
import { asTheyAreNow, planCommit } from './store/plan-commit.ts';
import { planResize } from './store/plan-resize.ts';
import { Refusals } from './store/refusals.ts';
import { stageChange, type StagedChange } from './store/stage-change.ts';
import type { ResizeStoreOptions } from './resizing.ts';
import type {
  AcquireOptions,
  BitmapBackend,
  BitmapChange,
  BitmapInfo,
  BitmapStore,
  DirectoryEntry,
  PreparedCommit,
} from './store.ts';
import { asUnchanged, isUnchanged, unchanging } from './unchanged.ts';

type KnownLengths = ReadonlyMap<string, Pick<DirtyBitmap, 'serializedLength'>>;

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
  #liveNames: ReadonlySet<string> = new Set();
  #queue: Promise<unknown> = Promise.resolve();
  #held: HeldCommit | undefined;
  #closing: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;
  /** Why what was live is trusted no longer. */
  #loss: TidemarkError | undefined;

  constructor(backend: BitmapBackend, entries: readonly DirectoryEntry[]) {
    this.#backend = backend;
    this.#refusals = new Refusals(backend.label);
    this.#entries = entries;
    if (backend.live === undefined || !backend.writable) return;
    const assertUsable = () => {
      this.#assertOpen();
      this.#assertSound();
    };
    this.#live = new LiveSet(backend.live, assertUsable, (why) => this.#lose(why));
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

  get notLive(): string | undefined {
    return this.#backend.notLive;
  }

  get resizable(): boolean {
    return this.writable && this.#backend.resizing !== undefined;
  }

  async list(): Promise<readonly BitmapInfo[]> {
    return this.#run(async () =>
      this.#entries.map((entry) => {
        const checkpointLost = this.#backend.checkpointLost?.(entry.name);
        return bitmapInfo(entry, this.#acquired, checkpointLost);
      }),
    );
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
    const taken = asTheyAreNow(changes);
    return this.#run(async () => {
      const draft = await this.#plan(taken);
      if (taken.length > 0) await this.#put(draft, draft.contents);
    });
  }

  async prepare(changes: readonly BitmapChange[]): Promise<PreparedCommit> {
    const taken = asTheyAreNow(changes);
    const work = () => this.#prepare(taken);
    return this.#run(work, (held) => this.#hold(held));
  }

  async resize(diskSize: number, { live, isUndo = false }: ResizeStoreOptions = {}): Promise<void> {
    const taken = new Map([...(live ?? [])].map(([name, bits]) => [name, bits.clone()] as const));
    return this.#run(async () => {
      const backend = this.#backend;
      const refusals = this.#refusals;
      const draft = this.#draft();
      await unchanging(async () => {
        this.#assertWritable();
        await planResize(draft, { diskSize, backend, live: taken, isUndo, refusals });
      });
      if (draft.diskSize !== undefined) await this.#put(draft, draft.contents);
    });
  }

  async confirmSize(): Promise<void> {
    return this.#run(async () => {
      this.#assertWritable();
      await this.#backend.resizing?.confirm?.();
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // What is left of it takes up space; that is no reason not to close.
    await this.#held?.abort().catch(() => {});
    await this.#queue;
    await this.#live?.drain();
    await this.#backend.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #draft(): DirectoryDraft {
    return new DirectoryDraft({
      entries: this.#entries,
      acquired: this.#acquired,
      live: this.#liveNames,
    });
  }

  /** The backend cannot vouch for live bitmaps any more. */
  #lose(why: TidemarkError): void {
    this.#loss = why;
    const lost = this.#liveNames;
    if (lost.size === 0) return;
    this.#liveNames = new Set();
    this.#entries = withLost(this.#entries, lost, why);
    this.#acquired = new Set([...this.#acquired].filter((name) => !lost.has(name)));
  }

  async #plan(changes: readonly BitmapChange[]): Promise<DirectoryDraft> {
    const draft = this.#draft();
    const { diskSize, live } = this.#backend;
    await unchanging(async () => {
      this.#assertWritable();
      planCommit(draft, changes, { diskSize, live, refusals: this.#refusals });
    });
    return draft;
  }

  /** Durably makes the draft the directory. `known`: contents by which live bits are measured. */
  async #put(draft: DirectoryDraft, known: KnownLengths): Promise<void> {
    await this.#make(await this.#stage(draft, { ahead: false }), known);
  }

  async #prepare(changes: readonly BitmapChange[]): Promise<HeldCommit> {
    const staged = await this.#stage(await this.#plan(changes), { ahead: true });
    const step = {
      commit: () => this.#make(staged, staged.draft.contents),
      abort: () => staged.abort(),
    };
    return new HeldCommit(step, () => this.#assertOpen());
  }

  /** Until it is over, the next call waits. */
  async #hold(held: HeldCommit): Promise<void> {
    this.#held = held;
    // A close that came while it was made ready did not find it.
    if (this.#closing !== undefined) await held.abort().catch(() => {});
    await held.over;
    this.#held = undefined;
  }

  async #stage(draft: DirectoryDraft, { ahead }: { readonly ahead: boolean }) {
    const change = { draft, ahead, backend: this.#backend, live: this.#live };
    return this.#heard(() => stageChange(change));
  }

  /** What the backend says of live bitmaps with an error is so, whatever came of the call. */
  async #heard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isTidemarkError(error, 'BITMAP_INCONSISTENT')) this.#lose(error);
      throw error;
    }
  }

  async #make(staged: StagedChange, known: KnownLengths): Promise<void> {
    if (this.#loss !== undefined && !staged.draft.isOf(this.#entries)) {
      await staged.abort();
      throw asUnchanged(this.#loss);
    }
    this.#loss = undefined;
    try {
      await this.#heard(() => staged.commit());
    } catch (error) {
      // Where old and new are both possible, only a fresh open can tell, so this store ends.
      if (!isUnchanged(error)) this.#failure = { cause: error };
      throw error;
    }
    this.#entries = staged.entries;
    this.#acquired = staged.draft.acquired;
    this.#liveNames = staged.draft.live;
    try {
      const open = this.#live?.names;
      for (const name of staged.draft.live) {
        if (!open?.has(name)) await this.#live?.open(name, known.get(name)!);
      }
      // While it was being put in place.
      if (this.#loss !== undefined) this.#lose(this.#loss);
    } catch (error) {
      // What was asked for is on disk, and cannot be used.
      this.#failure = { cause: error };
      throw error;
    }
  }

  /** One call at a time, and none after close. */
  async #run<T>(work: () => Promise<T>, follow: (result: T) => unknown = () => {}): Promise<T> {
    this.#assertOpen();
    const result = this.#queue.then(() => {
      this.#assertSound();
      return work();
    });
    this.#queue = result.then(follow, () => {});
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
    return findUsable(this.#entries, name, { acquired: this.#acquired, refusals: this.#refusals });
  }
}
