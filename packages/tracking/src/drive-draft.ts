import { DirtyBitmap } from '@tidemark/core';
import { type DriveBitmap, recordingContent } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import type { InUseDurability } from './durability.ts';
import { bitmapNotFound, refusal } from './messages.ts';

/**
 * The bitmaps of a drive as a transaction is going to leave them. Actions edit the draft; the drive
 * itself changes in `publish`, which cannot fail, or not at all.
 */
export class DriveDraft {
  readonly state: DriveState;
  /** Flags as the actions so far have left them. */
  readonly bitmaps: Map<string, DriveBitmap>;
  readonly #removing = new Set<string>();
  readonly #changing = new Set<string>();
  readonly #reading = new Set<string>();
  /** Bits taken from the stores by `prepare`. */
  readonly #acquired = new Map<string, DirtyBitmap>();
  readonly #loaded = new Map<string, DirtyBitmap>();
  /** Bits that are this draft's own. */
  readonly #contents = new Map<string, DirtyBitmap>();
  readonly #attached: DirtyBitmap[] = [];
  readonly #committed: InUseDurability[] = [];
  readonly #keepRemoved: boolean;
  #next: ReadonlyMap<string, DriveBitmap> = new Map();

  /** `keepRemoved`: reads the bits of what is removed, so that `uncommit` can put it back. */
  constructor(state: DriveState, options: { readonly keepRemoved: boolean }) {
    this.state = state;
    this.bitmaps = new Map(state.bitmaps);
    this.#keepRemoved = options.keepRemoved;
  }

  /** Checked in QEMU's order: busy, readonly, inconsistent. */
  usable(name: string, use: 'change' | 'read' | 'remove'): DriveBitmap {
    const { label } = this.state;
    const bitmap = this.bitmaps.get(name);
    if (bitmap === undefined) throw bitmapNotFound(label, name);
    if (this.#removing.has(name) || this.state.held.has(name)) throw refusal('busy', label, name);
    if (use !== 'read' && this.state.isReadonly(bitmap)) throw refusal('readonly', label, name);
    if (use !== 'remove' && bitmap.condition !== 'sound') {
      throw refusal(bitmap.condition, label, name);
    }
    return bitmap;
  }

  /** Its bits or its flags will differ, so the store's copy has to be out of use by then. */
  willChange(name: string): void {
    if (!this.#isNew(name)) this.#changing.add(name);
  }

  willRead(name: string): void {
    if (!this.#isNew(name)) this.#reading.add(name);
  }

  add(bitmap: DriveBitmap, content: DirtyBitmap): void {
    this.bitmaps.set(bitmap.name, bitmap);
    this.#contents.set(bitmap.name, content);
  }

  /** It stays, busy, until the transaction is through. */
  remove(bitmap: DriveBitmap): void {
    this.#removing.add(bitmap.name);
    if (this.#keepRemoved && bitmap.condition === 'sound') this.willRead(bitmap.name);
  }

  setEnabled(bitmap: DriveBitmap, options: { readonly enabled: boolean }): void {
    this.bitmaps.set(bitmap.name, { ...bitmap, enabled: options.enabled });
  }

  /** Takes what will be changed out of the stores, durably flagged, and reads the rest. */
  async prepare(): Promise<void> {
    for (const keeper of this.state.keepers) {
      const atRest = (name: string) => {
        const bitmap = this.state.bitmaps.get(name);
        return bitmap?.keeper === keeper && !bitmap.acquired;
      };
      const names = [...this.#changing].filter(atRest);
      for (const [name, bits] of await keeper.acquire(names)) this.#acquired.set(name, bits);
      for (const name of [...this.#reading].filter(atRest)) {
        const known = this.#acquired.get(name) ?? this.state.bitmaps.get(name)?.content;
        if (known === undefined) this.#loaded.set(name, await keeper.load(name));
      }
    }
  }

  content(name: string): DirtyBitmap {
    const found =
      this.#contents.get(name) ??
      this.#acquired.get(name) ??
      this.#loaded.get(name) ??
      this.bitmaps.get(name)?.content;
    if (found === undefined) throw new TypeError(`the bits of bitmap '${name}' were not prepared`);
    return found;
  }

  /** Bits that may be changed without anybody seeing it. */
  ownContent(name: string): DirtyBitmap {
    let own = this.#contents.get(name);
    if (own === undefined) {
      own = this.content(name).clone();
      this.#contents.set(name, own);
    }
    return own;
  }

  /** Empties a bitmap; `recording` as it is at this point in the list of actions. */
  emptyContent(bitmap: DriveBitmap): void {
    const empty = new DirtyBitmap(bitmap.keeper.diskSize, bitmap.granularity);
    if (bitmap.enabled) this.state.recorder.seed(empty);
    this.#contents.set(bitmap.name, empty);
  }

  /**
   * The epoch of all that begins or ends here. From this tick on writes are marked in the new bits
   * as well as the old ones, so that either can turn out to be the truth.
   */
  begin(): void {
    const { recorder } = this.state;
    this.#next = this.#compose();
    for (const bitmap of this.#next.values()) {
      const bits = recordingContent(bitmap);
      if (bits === undefined || recorder.bitmaps.has(bits)) continue;
      recorder.attach(bits);
      this.#attached.push(bits);
    }
  }

  /** The commit point of this drive: all of its new and removed bitmaps, in each store at once. */
  async commit(): Promise<void> {
    for (const keeper of this.state.keepers) {
      await keeper.restructure(this.#created(keeper), this.#removed(keeper));
      this.#committed.push(keeper);
    }
  }

  /** Takes back what `commit` did, where another store's part of it failed. */
  async uncommit(): Promise<void> {
    for (const keeper of this.#committed) {
      const removed = this.#created(keeper).map(({ bitmap }) => bitmap.name);
      const created = this.#removed(keeper).flatMap((name) => {
        const bitmap = this.state.find(name);
        const content = bitmap.content ?? this.#loaded.get(name);
        return content === undefined ? [] : [{ bitmap, content }];
      });
      await keeper.restructure(created, removed);
    }
  }

  publish(): void {
    const { recorder } = this.state;
    const recording = new Set([...this.#next.values()].map(recordingContent));
    this.state.bitmaps = this.#next;
    for (const bits of recorder.bitmaps) if (!recording.has(bits)) recorder.detach(bits);
  }

  /** Puts the drive back as it was, and what `prepare` took back into the stores. */
  async rollBack(): Promise<void> {
    for (const bits of this.#attached) this.state.recorder.detach(bits);
    const taken = [...this.#acquired].map(([name, content]) => {
      return { ...this.state.find(name), acquired: true, content };
    });
    for (const keeper of this.state.keepers) {
      const own = taken.filter((bitmap) => bitmap.keeper === keeper);
      try {
        await keeper.release(own);
      } catch {
        // Still flagged as in use, so the truth is here now: the drive's close tries again.
        for (const bitmap of own) this.state.replace(bitmap);
      }
    }
  }

  #isNew(name: string): boolean {
    return !this.state.bitmaps.has(name);
  }

  #compose(): ReadonlyMap<string, DriveBitmap> {
    const next = new Map<string, DriveBitmap>();
    for (const [name, bitmap] of this.bitmaps) {
      if (this.#removing.has(name)) continue;
      const acquired =
        bitmap.acquired || this.#acquired.has(name) || (this.#isNew(name) && bitmap.enabled);
      const content = this.#contents.get(name) ?? this.#acquired.get(name) ?? bitmap.content;
      next.set(name, { ...bitmap, acquired, content });
    }
    return next;
  }

  #created(keeper: InUseDurability): { bitmap: DriveBitmap; content: DirtyBitmap }[] {
    const created = [];
    for (const bitmap of this.#next.values()) {
      if (bitmap.keeper !== keeper || !this.#isNew(bitmap.name)) continue;
      // The bits of a bitmap in use are worth nothing on disk: write none.
      const content = bitmap.acquired
        ? new DirtyBitmap(keeper.diskSize, bitmap.granularity)
        : this.content(bitmap.name);
      created.push({ bitmap, content });
    }
    return created;
  }

  #removed(keeper: InUseDurability): string[] {
    const isOurs = (name: string) => this.state.bitmaps.get(name)?.keeper === keeper;
    return [...this.#removing].filter((name) => !this.#isNew(name) && isOurs(name));
  }
}
