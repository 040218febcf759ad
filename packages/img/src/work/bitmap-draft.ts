import {
  type BitmapChange,
  type BitmapInfo,
  type BitmapStore,
  defaultGranularity,
  DirtyBitmap,
  isTidemarkError,
} from '@tidemark/core';
import { ImgFailure } from '../failure.ts';
import type { Image } from '../open/open-image.ts';
import { inconsistentBitmap } from './bitmap-failures.ts';

interface DraftOptions {
  readonly image: Image;
  /** Absent: the image can hold none. */
  readonly store: BitmapStore | undefined;
  /** Where merged bitmaps are. */
  readonly source: BitmapStore | undefined;
  readonly name: string;
}

const MAX_NAME = 1023;
const MIN_GRANULARITY = 512n;

/** What becomes of one bitmap while actions go over it; nothing is stored before `changes`. */
export class BitmapDraft {
  readonly name: string;
  readonly #image: Image;
  readonly #store: BitmapStore | undefined;
  readonly #source: BitmapStore | undefined;
  /** As the image has it. */
  readonly #before: BitmapInfo | undefined;
  readonly #others: readonly BitmapInfo[];
  #isThere: boolean;
  #isNew = false;
  #enabled: boolean;
  /** Of a bitmap that is not there yet: clean. */
  #granularity = 0;
  #isCleared = false;
  /** Names of bitmaps in the same image, and contents of others. */
  #merged: (string | DirtyBitmap)[] = [];
  /** It begins anew: no backup can stand on it. */
  #isCut = false;

  private constructor(options: DraftOptions, all: readonly BitmapInfo[]) {
    this.name = options.name;
    this.#image = options.image;
    this.#store = options.store;
    this.#source = options.source;
    this.#others = all;
    this.#before = all.find(({ name }) => name === options.name);
    this.#isThere = this.#before !== undefined;
    this.#enabled = this.#before?.enabled ?? false;
  }

  static async open(options: DraftOptions): Promise<BitmapDraft> {
    return new BitmapDraft(options, (await options.store?.list()) ?? []);
  }

  /** A bitmap is to be stored that was not there. */
  get isNew(): boolean {
    return this.#isThere && this.#isNew;
  }

  /** @throws USAGE */
  add(wanted: bigint | undefined): void {
    const { name } = this;
    const clusterSize = this.#image.qcow2?.info.clusterSize ?? 65_536;
    // QEMU has 32 bits for it.
    const granularity =
      wanted === undefined || wanted === 0n
        ? BigInt(defaultGranularity(clusterSize))
        : BigInt.asUintN(32, wanted);
    if (name === '') throw new ImgFailure('Bitmap name cannot be empty');
    if (granularity < MIN_GRANULARITY || (granularity & (granularity - 1n)) !== 0n) {
      throw new ImgFailure('Granularity must be power of 2 and at least 512');
    }
    if (this.#isThere) throw new ImgFailure(`Bitmap already exists: ${name}`);
    this.#refuseUnstorable(Number(granularity));
    this.#isThere = true;
    this.#isNew = true;
    this.#enabled = true;
    this.#granularity = Number(granularity);
    this.#merged = [];
  }

  remove(): void {
    this.#find(this.name);
    this.#isThere = false;
    this.#isNew = false;
    this.#isCleared = false;
    this.#merged = [];
  }

  async clear(): Promise<void> {
    this.#usable();
    this.#isCleared = true;
    this.#merged = [];
    this.#isCut = true;
  }

  async enable(enabled: boolean): Promise<void> {
    this.#usable();
    this.#isCut ||= this.#enabled !== enabled;
    this.#enabled = enabled;
  }

  /** @throws USAGE: one of both is not there, or cannot be used, or is of another size */
  async merge(from: string): Promise<void> {
    this.#usable();
    if (this.#source === this.#store) {
      const info = this.#find(from);
      if (from === this.name) return;
      refuseUnusable(info);
      this.#merged.push(from);
      return;
    }
    this.#addContent(await this.#load(from));
  }

  /** What the store is to do. */
  async changes(): Promise<readonly BitmapChange[]> {
    const { name } = this;
    const before = this.#before;
    const wasThere = before !== undefined;
    if (!this.#isThere) return wasThere ? [{ op: 'remove', name }] : [];
    const sources = this.#merged;
    const merge: readonly BitmapChange[] =
      sources.length > 0 ? [{ op: 'merge', name, sources }] : [];
    const enabled = this.#enabled;
    if (this.#isNew) {
      const content = new DirtyBitmap(this.#image.disk.size, this.#granularity);
      const made = { op: 'create', name, enabled, content } as const;
      return [...(wasThere ? [{ op: 'remove', name } as const] : []), made, ...merge];
    }
    const isOther = enabled !== before?.enabled;
    if (!this.#isCleared && !isOther && merge.length === 0) return [];
    const isSwitched = isOther || (this.#isCut && !this.#isCleared);
    return [
      ...(this.#isCleared ? [{ op: 'clear', name } as const] : []),
      ...(isSwitched ? [{ op: 'switch', name, enabled } as const] : []),
      ...merge,
    ];
  }

  /** What is of one granularity is kept as one: there may be many of them. */
  #addContent(content: DirtyBitmap): void {
    const alike = this.#merged.find(
      (other) => typeof other !== 'string' && other.granularity === content.granularity,
    );
    if (typeof alike === 'object') alike.merge(content);
    else this.#merged.push(content);
  }

  #usable(): void {
    const info = this.#find(this.name);
    if (!this.#isNew) refuseUnusable(info);
  }

  #find(name: string): BitmapInfo {
    const info = this.#others.find((other) => other.name === name);
    const isThere = name === this.name ? this.#isThere : info !== undefined;
    if (!isThere) throw new ImgFailure(`Dirty bitmap '${name}' not found`);
    return info ?? { name, granularity: 0, enabled: true, state: 'stored' };
  }

  /** From another image. */
  async #load(name: string): Promise<DirtyBitmap> {
    const info = (await this.#source?.list())?.find((other) => other.name === name);
    if (info === undefined) throw new ImgFailure(`Dirty bitmap '${name}' not found`);
    refuseUnusable(info);
    const content = await this.#source!.load(name);
    const { size } = this.#image.disk;
    if (content.diskSize === size) return content;
    throw new ImgFailure(
      'Bitmaps are of different sizes ' +
        `(destination size is ${size}, source size is ${content.diskSize}) ` +
        "and can't be merged",
    );
  }

  #refuseUnstorable(granularity: number): void {
    const { name } = this;
    const { qcow2, path, disk } = this.#image;
    if (qcow2 === undefined) {
      throw new ImgFailure(`Can't store persistent bitmaps to ${path}: Operation not supported`);
    }
    const refuse = (why: string) =>
      new ImgFailure(`Can't make bitmap '${name}' persistent in '${path}': ${why}`);
    if (qcow2.info.version < 3) throw refuse('Cannot store dirty bitmaps in qcow2 v2 files');
    if (Buffer.byteLength(name) > MAX_NAME) {
      throw refuse(`Name length exceeds maximum (${MAX_NAME} characters)`);
    }
    try {
      return void new DirtyBitmap(disk.size, granularity);
    } catch (error) {
      if (!isTidemarkError(error, 'BITMAP_TOO_LARGE')) throw error;
      throw refuse('Too much space will be occupied by the bitmap. Use larger granularity');
    }
  }
}

function refuseUnusable({ name, state }: BitmapInfo): void {
  if (state === 'inconsistent' || state === 'unsupported') throw inconsistentBitmap(name);
}
