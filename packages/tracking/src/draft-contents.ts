import type { DirtyBitmap } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';

/** Which bits a transaction needs, by the names of bitmaps that the drive has. */
export interface ContentNeeds {
  readonly changed: ReadonlySet<string>;
  readonly read: ReadonlySet<string>;
  /** Wanted, so that a removal can be taken back; bits that cannot be read prevent none. */
  readonly removed: ReadonlySet<string>;
}

/** The bits of a drive's bitmaps as a transaction is going to leave them. */
export class DraftContents {
  readonly #state: DriveState;
  /** Taken out of the stores: in use there, and to be released if the transaction fails. */
  readonly #acquired = new Map<string, DirtyBitmap>();
  /** Read from the stores. */
  readonly #loaded = new Map<string, DirtyBitmap>();
  /** The draft's own: nobody else sees them. */
  readonly #own = new Map<string, DirtyBitmap>();

  constructor(state: DriveState) {
    this.#state = state;
  }

  get acquired(): ReadonlyMap<string, DirtyBitmap> {
    return this.#acquired;
  }

  /** Takes what will be changed out of the stores, durably flagged, and reads the rest. */
  async prepare({ changed, read, removed }: ContentNeeds): Promise<void> {
    const { keepers } = this.#state;
    for (const keeper of keepers) {
      const names = this.#atRest(changed).filter((bitmap) => bitmap.keeper === keeper);
      const contents = await keeper.acquire(names.map(({ name }) => name));
      for (const [name, bits] of contents) this.#acquired.set(name, bits);
    }
    for (const bitmap of this.#atRest(read)) await this.#load(bitmap);
    for (const bitmap of this.#atRest(removed)) await this.#load(bitmap).catch(() => {});
  }

  get(name: string): DirtyBitmap {
    const found = this.changed(name) ?? this.#loaded.get(name) ?? this.#state.find(name).content;
    if (found === undefined) throw new TypeError(`the bits of bitmap '${name}' were not prepared`);
    return found;
  }

  /** What takes the place of the bits that the drive has. */
  changed(name: string): DirtyBitmap | undefined {
    return this.#own.get(name) ?? this.#acquired.get(name);
  }

  /** Bits that may be changed without anybody seeing it. */
  own(name: string): DirtyBitmap {
    const own = this.#own.get(name) ?? this.get(name).clone();
    this.#own.set(name, own);
    return own;
  }

  put(name: string, content: DirtyBitmap): void {
    this.#own.set(name, content);
  }

  /** As they were before the transaction; undefined where they could not be read. */
  before({ name, acquired, content }: DriveBitmap): DirtyBitmap | undefined {
    if (acquired) return content;
    return this.#acquired.get(name) ?? this.#loaded.get(name) ?? content;
  }

  /** Puts what was taken back into the stores. */
  async giveBack(): Promise<void> {
    const taken = [...this.#acquired].map(([name, content]) => {
      return { ...this.#state.find(name), acquired: true, content };
    });
    for (const keeper of this.#state.keepers) {
      const own = taken.filter((bitmap) => bitmap.keeper === keeper);
      try {
        await keeper.release(own);
      } catch {
        // Still flagged as in use, so the truth is here now: the drive's close tries again.
        for (const bitmap of own) this.#state.replace(bitmap);
      }
    }
  }

  #atRest(names: ReadonlySet<string>): readonly DriveBitmap[] {
    return [...names]
      .map((name) => this.#state.find(name))
      .filter(({ acquired, condition }) => !acquired && condition === 'sound');
  }

  async #load({ name, keeper, content }: DriveBitmap): Promise<void> {
    if ((this.#acquired.get(name) ?? content) !== undefined) return;
    this.#loaded.set(name, await keeper.load(name));
  }
}
