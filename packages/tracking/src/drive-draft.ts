import { DirtyBitmap } from '@tidemark/core';
import { DraftContents } from './draft-contents.ts';
import { partsOf } from './draft-parts.ts';
import { type DriveBitmap, recordingContent, recordingIn } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import type { Durability } from './durability.ts';
import type { Freeze } from './frozen-bits.ts';
import { bitmapNotFound, refusal } from './messages.ts';
import type { Restructuring } from './restructuring.ts';

/**
 * The bitmaps of a drive as a transaction is going to leave them. Actions edit the draft; the drive
 * itself changes in `publish`, which cannot fail, or not at all.
 */
export class DriveDraft {
  readonly state: DriveState;
  /** Flags as the actions so far have left them. */
  readonly bitmaps: Map<string, DriveBitmap>;
  readonly #removing = new Set<string>();
  /** Others are made under their names. */
  readonly #replacing = new Set<string>();
  readonly #holding = new Set<string>();
  /** Whose freeze ends. */
  readonly #thawing = new Set<string>();
  /** Whose freeze begins. */
  readonly #freezing = new Set<string>();
  readonly #frozen = new Map<string, Freeze>();
  /** What takes back what begins with the transaction. */
  readonly #undos: (() => void)[] = [];
  readonly #changing = new Set<string>();
  readonly #reading = new Set<string>();
  readonly #contents: DraftContents;
  readonly #attached: DirtyBitmap[] = [];
  /** Names of bitmaps that begin here. */
  readonly #beginning = new Set<string>();
  #unlockMarks: () => void = () => {};
  #next: ReadonlyMap<string, DriveBitmap> = new Map();

  constructor(state: DriveState) {
    this.state = state;
    this.bitmaps = new Map(state.bitmaps);
    this.#contents = new DraftContents(state);
  }

  /** The stores whose bitmaps are made or removed, as the actions have left it. */
  get changedKeepers(): readonly Durability[] {
    const changed = new Set<Durability>();
    for (const { name, keeper } of this.bitmaps.values()) {
      // What is made and removed again never gets to a store.
      if (this.#isNew(name) !== this.#removing.has(name)) changed.add(keeper);
      if (keeper.storesAtOnce && this.#changing.has(name)) changed.add(keeper);
    }
    return this.state.keepers.filter((keeper) => changed.has(keeper));
  }

  /** Checked in QEMU's order: busy, readonly, inconsistent. `isOwn`: who asks is who holds it. */
  usable(
    name: string,
    use: 'change' | 'read' | 'remove',
    { isOwn = false }: { readonly isOwn?: boolean } = {},
  ): DriveBitmap {
    const { label } = this.state;
    const bitmap = this.bitmaps.get(name);
    if (bitmap === undefined) throw bitmapNotFound(label, name);
    const isHeld = !isOwn && this.state.held.has(name);
    if (this.#removing.has(name) || this.#freezing.has(name) || isHeld)
      throw refusal('busy', label, name);
    if (use !== 'read' && this.state.isReadonly(bitmap)) throw refusal('readonly', label, name);
    if (use !== 'remove' && bitmap.condition !== 'sound') {
      throw refusal(bitmap.condition, label, name, bitmap.reason);
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
    if (bitmap.isAnew) this.#beginning.add(bitmap.name);
    this.#contents.put(bitmap.name, content);
  }

  /** Nothing else may be done with it in this transaction, and until somebody lets go of it. */
  replaceAndHold(bitmap: DriveBitmap, content: DirtyBitmap): void {
    if (!this.#isNew(bitmap.name)) this.#replacing.add(bitmap.name);
    this.#holding.add(bitmap.name);
    this.add(bitmap, content);
  }

  /** Nothing else may be done with it in this transaction, nor until the freeze ends. */
  willFreeze(name: string): void {
    this.#freezing.add(name);
  }

  /** In the tick of the transaction. `records`: the bitmap does at this point. */
  beginFreeze(name: string, freeze: Freeze, { records }: { readonly records: boolean }): void {
    const { recorder } = this.state;
    this.#frozen.set(name, freeze);
    if (!records) return;
    recorder.attach(freeze.successor);
    this.#undos.push(() => recorder.detach(freeze.successor));
  }

  /** Called where the transaction fails after all. */
  takesBack(undo: () => void): void {
    this.#undos.push(undo);
  }

  endFreeze(name: string): void {
    this.#thawing.add(name);
  }

  /** It stays, busy, until the transaction is through. */
  remove(bitmap: DriveBitmap): void {
    this.#removing.add(bitmap.name);
  }

  /** It says no longer what changed since its checkpoint. */
  beginAnew(name: string, flags: { readonly enabled?: boolean } = {}): void {
    this.#beginning.add(name);
    this.bitmaps.set(name, { ...this.bitmaps.get(name)!, ...flags, isAnew: true });
  }

  /**
   * Gets all bits that the actions need; what will be changed is durably in use afterwards.
   * `keepRemoved`: also those of what is removed, so that it can be put back.
   */
  async prepare({ keepRemoved }: { readonly keepRemoved: boolean }): Promise<void> {
    const removed = keepRemoved ? this.#removedNames() : new Set<string>();
    await this.#contents.prepare({ changed: this.#changing, read: this.#reading, removed });
    this.#unlockMarks = await this.state.marks.lock();
  }

  content(name: string): DirtyBitmap {
    return this.#contents.get(name);
  }

  /** Bits that may be changed without anybody seeing it. */
  ownContent(name: string): DirtyBitmap {
    return this.#contents.own(name);
  }

  /** Once bits are at hand. They are the draft's from here on. */
  replaceContent(name: string, content: DirtyBitmap): void {
    this.#contents.put(name, content);
  }

  /** `bitmap`: with the flags that it has at this point in the list of actions. */
  emptyContent(bitmap: DriveBitmap): void {
    const empty = new DirtyBitmap(bitmap.keeper.diskSize, bitmap.granularity);
    if (bitmap.enabled) this.state.recorder.seed(empty);
    this.#contents.put(bitmap.name, empty);
  }

  /**
   * The epoch of all that begins or ends here. From this tick on writes are marked in the new bits
   * as well as the old ones, so that either can turn out to be the truth. `checkpoint`: of what
   * begins.
   */
  begin(checkpoint: string | undefined): void {
    const { recorder } = this.state;
    this.#next = this.#compose(checkpoint);
    for (const bitmap of this.#next.values()) {
      const bits = recordingContent(bitmap);
      if (bits === undefined || recorder.bitmaps.has(bits)) continue;
      recorder.attach(bits);
      this.#attached.push(bits);
    }
    for (const keeper of this.state.keepers) keeper.begin(recordingIn(keeper, this.#next));
  }

  /** After `begin`: what is to be made and removed, by store. */
  parts(): readonly Restructuring[] {
    return partsOf({
      state: this.state,
      next: this.#next,
      keepers: this.changedKeepers,
      changing: this.#changing,
      removing: this.#removedNames(),
      contents: this.#contents,
      isNew: (name) => this.#isNew(name),
    });
  }

  publish(): void {
    const before = [...this.state.bitmaps.values()].map(recordingContent);
    const recording = new Set([...this.#next.values()].map(recordingContent));
    this.state.bitmaps = this.#next;
    for (const name of this.#holding) this.state.held.add(name);
    for (const name of this.#thawing) this.state.endFreeze(name);
    for (const [name, freeze] of this.#frozen) {
      this.state.freezes.set(name, freeze);
      this.state.held.add(name);
    }
    for (const keeper of this.state.keepers) keeper.end(recordingIn(keeper, this.#next));
    // Those of bitmaps alone: others may record as well, and go on with it.
    for (const bits of before) {
      if (bits !== undefined && !recording.has(bits)) this.state.recorder.detach(bits);
    }
  }

  /** Writes that wait for a mark go on. To be called in the end, however the transaction ended. */
  finish(): void {
    const { keepers, bitmaps } = this.state;
    // Stores may have begun once more, to forget what they kept: that is stored now, too.
    for (const keeper of keepers) keeper.end(recordingIn(keeper, bitmaps));
    this.#unlockMarks();
  }

  /** Puts the drive back as it was, and what `prepare` took back into the stores. */
  async rollBack(): Promise<void> {
    const { bitmaps } = this.state;
    for (const keeper of this.state.keepers) keeper.end(recordingIn(keeper, bitmaps));
    for (const bits of this.#attached) this.state.recorder.detach(bits);
    for (const undo of this.#undos.toReversed()) undo();
    await this.#contents.giveBack();
  }

  #isNew(name: string): boolean {
    return !this.state.bitmaps.has(name) || this.#replacing.has(name);
  }

  #compose(checkpoint: string | undefined): ReadonlyMap<string, DriveBitmap> {
    const next = new Map<string, DriveBitmap>();
    for (const [name, bitmap] of this.bitmaps) {
      if (this.#removing.has(name)) continue;
      const taken = bitmap.acquired || this.#contents.acquired.has(name);
      const acquired = bitmap.keeper.holds(bitmap, taken || (this.#isNew(name) && bitmap.enabled));
      const content = this.#contents.changed(name) ?? bitmap.content;
      const begun = { ...bitmap, acquired, content };
      // What does not record misses writes, and goes back to nothing.
      const isBeginning = checkpoint !== undefined && bitmap.enabled && this.#beginning.has(name);
      next.set(name, isBeginning ? { ...begun, checkpoint, isAnew: false } : begun);
    }
    return next;
  }

  /** Without what is made and removed again. */
  #removedNames(): ReadonlySet<string> {
    const removed = [...this.#removing].filter((name) => !this.#isNew(name));
    return new Set([...removed, ...this.#replacing]);
  }
}
