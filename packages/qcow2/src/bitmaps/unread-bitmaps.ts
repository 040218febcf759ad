import type { DirtyBitmap, UnreadBits } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { readContent } from './read-content.ts';
import { readLater } from './read-later.ts';

/** Bits of bitmaps that lie in the image and that somebody may still read, by the bitmap's name. */
export class UnreadBitmaps {
  /** Whoever has bitmaps keeps these; where nobody has, nobody can ask for them. */
  readonly #unread = new Map<string, WeakRef<UnreadBits>[]>();

  readonly #image: ImageMetadata;
  readonly #onNotice: (message: string) => void;

  constructor(image: ImageMetadata, onNotice: (message: string) => void) {
    this.#image = image;
    this.#onNotice = onNotice;
  }

  /** Reads what cannot be read later. @throws as `readContent` */
  async read(record: BitmapRecord, diskSize: number): Promise<DirtyBitmap> {
    const { name } = record;
    const late = await readLater(this.#image, record, diskSize, () => {
      this.#onNotice(`${this.#image.label}: bits of '${name}' cannot be read, and count as dirty`);
    });
    if (late === undefined) return readContent(this.#image, record, diskSize);
    const known = [...this.#of(name), late.unread];
    this.#unread.set(
      name,
      known.map((bits) => new WeakRef(bits)),
    );
    return late.content;
  }

  /** Serialised bytes of a bitmap are going to be changed in this tick. */
  keep(name: string, at: number, length: number): void {
    for (const unread of this.#of(name)) unread.keep(at, length);
  }

  /** All clusters of these bitmaps are going to be given back when this resolves. */
  async keepAll(names: readonly string[]): Promise<void> {
    for (const name of names) {
      for (const unread of this.#of(name)) await unread.keepAll();
      this.#unread.delete(name);
    }
  }

  #of(name: string): UnreadBits[] {
    return (this.#unread.get(name) ?? []).flatMap((known) => known.deref() ?? []);
  }
}
