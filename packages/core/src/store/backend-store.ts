import type { BitmapBackend, DirectoryEntry } from '../backend.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapInfo } from '../bitmap-info.ts';
import type { DirtyBitmap } from '../dirty-bitmap.ts';
import type { LiveBackend, LiveBitmaps } from '../live.ts';
import type { ResizeStoreOptions } from '../resizing.ts';
import type { AcquireOptions, BitmapStore, PreparedCommit } from '../store.ts';
import { unchanging } from '../unchanged.ts';
import { bitmapInfo } from './bitmap-state.ts';
import { CallQueue } from './call-queue.ts';
import { DirectoryChanges } from './directory-changes.ts';
import { findUsable } from './find-usable.ts';
import { KnownDirectory } from './known-directory.ts';
import { LiveSet } from './live-set.ts';
import { asTheyAreNow } from './plan-commit.ts';
import { planResize } from './plan-resize.ts';
import { Refusals } from './refusals.ts';

/** A store on any backend. */
export class BackendStore implements BitmapStore {
  readonly #backend: BitmapBackend;
  readonly #refusals: Refusals;
  readonly #calls: CallQueue;
  readonly #directory: KnownDirectory;
  readonly #live: LiveSet | undefined;
  readonly #changes: DirectoryChanges;

  /** `entries`: the backend's directory. */
  constructor(backend: BitmapBackend, entries: readonly DirectoryEntry[]) {
    const refusals = new Refusals(backend.label);
    const calls = new CallQueue(refusals);
    const directory = new KnownDirectory(entries);
    this.#backend = backend;
    this.#refusals = refusals;
    this.#calls = calls;
    this.#directory = directory;
    if (backend.live !== undefined && backend.writable) {
      const assertUsable = () => calls.assertUsable();
      this.#live = new LiveSet(backend.live, assertUsable, (why) => directory.lose(why));
    }
    const onFailure = (cause: unknown) => calls.fail(cause);
    const live = this.#live;
    this.#changes = new DirectoryChanges({ backend, directory, live, refusals, onFailure });
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
    return this.#calls.run(async () =>
      this.#directory.entries.map((entry) => {
        const checkpointLost = this.#backend.checkpointLost?.(entry.name);
        return bitmapInfo(entry, this.#directory.acquired, checkpointLost);
      }),
    );
  }

  async load(name: string): Promise<DirtyBitmap> {
    return this.#calls.run(async () => this.#backend.readContent(this.#findUsable(name)));
  }

  async acquire(
    names: readonly string[],
    { live = false, later = false }: AcquireOptions = {},
  ): Promise<ReadonlyMap<string, DirtyBitmap>> {
    return this.#calls.run(async () => {
      const contents = new Map<string, DirtyBitmap>();
      const draft = this.#directory.draft();
      await unchanging(async () => {
        this.#assertWritable();
        const inUse = live ? this.#liveOrRefuse().inUse : true;
        for (const name of names) {
          const entry = this.#findUsable(name);
          contents.set(name, await this.#backend.readContent(entry, { later: live && later }));
          draft.use({ ...entry, inUse }, live ? 'live' : 'acquired');
        }
      });
      if (contents.size > 0) await this.#changes.put(draft, contents);
      return contents;
    });
  }

  async commit(changes: readonly BitmapChange[]): Promise<void> {
    const taken = asTheyAreNow(changes);
    return this.#calls.run(() => this.#changes.commit(taken));
  }

  async prepare(changes: readonly BitmapChange[]): Promise<PreparedCommit> {
    const taken = asTheyAreNow(changes);
    return this.#calls.runAndHold(() => this.#changes.prepare(taken));
  }

  async resize(diskSize: number, { live, isUndo = false }: ResizeStoreOptions = {}): Promise<void> {
    const taken = new Map([...(live ?? [])].map(([name, bits]) => [name, bits.clone()] as const));
    return this.#calls.run(async () => {
      const backend = this.#backend;
      const refusals = this.#refusals;
      const draft = this.#directory.draft();
      await unchanging(async () => {
        this.#assertWritable();
        await planResize(draft, { diskSize, backend, live: taken, isUndo, refusals });
      });
      if (draft.diskSize !== undefined) await this.#changes.put(draft, draft.contents);
    });
  }

  async confirmSize(): Promise<void> {
    return this.#calls.run(async () => {
      this.#assertWritable();
      await this.#backend.resizing?.confirm?.();
    });
  }

  async close(): Promise<void> {
    return this.#calls.close(async () => {
      await this.#live?.drain();
      await this.#backend.close();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertWritable(): void {
    if (!this.writable) throw this.#refusals.readOnly();
  }

  #liveOrRefuse(): LiveBackend {
    if (this.#backend.live === undefined) throw this.#refusals.noLive();
    return this.#backend.live;
  }

  #findUsable(name: string): DirectoryEntry {
    const { entries, acquired } = this.#directory;
    return findUsable(entries, name, { acquired, refusals: this.#refusals });
  }
}
