import type { BitmapBackend } from '../backend.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import type { DirtyBitmap } from '../dirty-bitmap.ts';
import { isTidemarkError } from '../errors.ts';
import type { PreparedCommit } from '../store.ts';
import { asUnchanged, isUnchanged, unchanging } from '../unchanged.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import type { KnownDirectory } from './known-directory.ts';
import type { LiveSet } from './live-set.ts';
import { planCommit } from './plan-commit.ts';
import type { Refusals } from './refusals.ts';
import { stageChange, type StagedChange } from './stage-change.ts';

type KnownLengths = ReadonlyMap<string, Pick<DirtyBitmap, 'serializedLength'>>;

export interface DirectoryChangesOptions {
  readonly backend: BitmapBackend;
  readonly directory: KnownDirectory;
  /** Absent where no bitmap can be live. */
  readonly live: LiveSet | undefined;
  readonly refusals: Refusals;
  /** Old and new are both possible on disk, or what is there cannot be used: the store ends. */
  readonly onFailure: (cause: unknown) => void;
}

/** How drafts become the directory: on disk first, then in what the store knows. */
export class DirectoryChanges {
  readonly #options: DirectoryChangesOptions;

  constructor(options: DirectoryChangesOptions) {
    this.#options = options;
  }

  async commit(changes: readonly BitmapChange[]): Promise<void> {
    const draft = await this.#plan(changes);
    if (changes.length > 0) await this.put(draft, draft.contents);
  }

  async prepare(changes: readonly BitmapChange[]): Promise<PreparedCommit> {
    const staged = await this.#stage(await this.#plan(changes), { ahead: true });
    return {
      commit: () => this.#make(staged, staged.draft.contents),
      abort: () => staged.abort(),
    };
  }

  /** Durably makes the draft the directory. `known`: contents by which live bits are measured. */
  async put(draft: DirectoryDraft, known: KnownLengths): Promise<void> {
    await this.#make(await this.#stage(draft, { ahead: false }), known);
  }

  async #plan(changes: readonly BitmapChange[]): Promise<DirectoryDraft> {
    const { backend, directory, refusals } = this.#options;
    const draft = directory.draft();
    await unchanging(async () => {
      if (!backend.writable) throw refusals.readOnly();
      await planCommit(draft, changes, { backend, refusals });
    });
    return draft;
  }

  async #stage(draft: DirectoryDraft, { ahead }: { readonly ahead: boolean }) {
    const { backend, live } = this.#options;
    return this.#heard(() => stageChange({ draft, ahead, backend, live }));
  }

  /** What the backend says of live bitmaps with an error is so, whatever came of the call. */
  async #heard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isTidemarkError(error, 'BITMAP_INCONSISTENT')) this.#options.directory.lose(error);
      throw error;
    }
  }

  async #make(staged: StagedChange, known: KnownLengths): Promise<void> {
    const { directory, onFailure } = this.#options;
    if (directory.loss !== undefined && !staged.draft.isOf(directory.entries)) {
      await staged.abort();
      throw asUnchanged(directory.loss);
    }
    directory.loss = undefined;
    try {
      await this.#heard(() => staged.commit());
    } catch (error) {
      // Where old and new are both possible, only a fresh open can tell, so the store ends.
      if (!isUnchanged(error)) onFailure(error);
      throw error;
    }
    directory.become(staged.entries, staged.draft);
    try {
      await this.#openLive(staged.draft, known);
    } catch (error) {
      // What was asked for is on disk, and cannot be used.
      onFailure(error);
      throw error;
    }
  }

  async #openLive(draft: DirectoryDraft, known: KnownLengths): Promise<void> {
    const { directory, live } = this.#options;
    const open = live?.names;
    for (const name of draft.live) {
      if (!open?.has(name)) await live?.open(name, known.get(name)!);
    }
    // While it was being put in place.
    if (directory.loss !== undefined) directory.lose(directory.loss);
  }
}
