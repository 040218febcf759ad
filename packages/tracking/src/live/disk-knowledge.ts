import { isUnchanged } from '@tidemark/core';
import { storeFailed } from '../messages.ts';

/** How much is known of what a store has on disk. */
export class DiskKnowledge {
  readonly #label: string;
  #isUncertain = false;
  /** Of what could not be put back: from then on nothing is marked, so that nothing is written. */
  #failure: { readonly cause: unknown } | undefined;

  /** `label`: of the store, for messages. */
  constructor(label: string) {
    this.#label = label;
  }

  /** Whether the old or the new bitmaps may be there: a write has to be marked in both. */
  get isUncertain(): boolean {
    return this.#isUncertain;
  }

  /** A commit has failed. */
  commitFailed(error: unknown, { isUndo }: { readonly isUndo: boolean }): void {
    if (!isUnchanged(error) || isUndo) this.#isUncertain = true;
    // On disk is what should not be there, and marks for what should be would go there too.
    if (isUndo) this.lost(error);
  }

  /** Nothing can be marked any more. */
  lost(cause: unknown): void {
    this.#failure = { cause };
  }

  /** @throws STORE_FAILED */
  assertSound(): void {
    if (this.#failure !== undefined) throw storeFailed(this.#label, this.#failure.cause);
  }
}
