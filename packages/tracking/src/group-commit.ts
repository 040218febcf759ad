import { announce, type CheckpointFolder, retract } from '@tidemark/checkpoint';
import { isUnchanged, type PreparedCommit } from '@tidemark/core';
import { intentOf } from './intent-of.ts';
import { alone, forget, makeReady, type Restructuring, takeBack } from './restructuring.ts';

export interface GroupCommitOptions {
  /** Names the change, and is the checkpoint of what begins with it. */
  readonly checkpoint: string | undefined;
  /** Where the intent goes. Absent: a crash may leave the change made in some stores. */
  readonly folder: CheckpointFolder | undefined;
  readonly onNotice: (message: string) => void;
}

/** The commits of all stores that a transaction changes: all of them are made, or none. */
export class GroupCommit {
  readonly #parts: readonly Restructuring[];
  readonly #options: GroupCommitOptions;
  readonly #committed: Restructuring[] = [];

  constructor(parts: readonly Restructuring[], options: GroupCommitOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** @throws the first thing that failed: what was done is taken back, as far as that can be done */
  async make(): Promise<void> {
    const ready: PreparedCommit[] = [];
    let isAnnounced = false;
    try {
      for (const part of this.#parts) {
        ready.push(this.#isAlone ? alone(part) : await makeReady(part));
      }
      // From here on a crash is made good by those who open the stores next.
      isAnnounced = await this.#announce();
      for (const [index, step] of ready.entries()) {
        await step.commit();
        this.#committed.push(this.#parts[index]!);
      }
    } catch (error) {
      // First: until they are given up, nothing else can be asked of their stores.
      for (const step of ready) await step.abort().catch(() => {});
      const isUndone = await this.#takeBack();
      // Else some store may have its part. It is said to have failed, and will be made everywhere.
      if (isAnnounced && isUndone && isUnchanged(error)) await this.#retract();
      throw error;
    }
    if (isAnnounced) await this.#retract();
  }

  /**
   * Gives up what was kept for `make` to be taken back. Where a store fails in it, its bitmaps are
   * dirty beyond the truth, which is no reason to call the change failed.
   */
  async forget(): Promise<void> {
    if (this.#isAlone) return;
    for (const part of this.#committed) await forget(part).catch(() => {});
  }

  /** Whether there is an intent now. @throws I/O codes: there is none */
  async #announce(): Promise<boolean> {
    const { folder, checkpoint } = this.#options;
    if (folder === undefined || checkpoint === undefined) return false;
    const intent = intentOf(this.#parts, checkpoint);
    if (intent.members.length < 2) return false;
    await announce(folder, intent);
    return true;
  }

  async #retract(): Promise<void> {
    const { folder, checkpoint, onNotice } = this.#options;
    await retract(folder!, checkpoint!, onNotice);
  }

  /**
   * Where another store's part has failed. A store that fails now keeps what is new, in use or not
   * recording, or with what it was to forget, and has lost what was removed: nothing is stale.
   * @returns whether all of it was taken back
   */
  async #takeBack(): Promise<boolean> {
    let isUndone = true;
    for (const part of this.#committed) {
      await takeBack(part).catch(() => {
        isUndone = false;
      });
    }
    return isUndone;
  }

  get #isAlone(): boolean {
    return this.#parts.length < 2;
  }
}
