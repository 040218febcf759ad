import { DirtyBitmap } from '@tidemark/core';

export interface ModelBitmap {
  enabled: boolean;
  readonly content: DirtyBitmap;
}

/** What an image has to hold: the plain bytes of its disk, and its bitmaps. */
export class Model {
  content: Uint8Array;
  readonly bitmaps = new Map<string, ModelBitmap>();
  /** Names of internal snapshots. */
  readonly snapshots: string[] = [];

  constructor(content: Uint8Array) {
    this.content = content;
  }

  get size(): number {
    return this.content.length;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.content.set(bytes, offset);
    this.#mark(offset, bytes.length);
  }

  zero(offset: number, length: number): void {
    this.content.fill(0, offset, offset + length);
    this.#mark(offset, length);
  }

  resize(size: number, grown: 'dirty' | 'clean'): void {
    const content = new Uint8Array(size);
    content.set(this.content.subarray(0, size));
    this.content = content;
    for (const bitmap of this.bitmaps.values()) bitmap.content.resize(size, { grown });
  }

  add(name: string, granularity: number, enabled: boolean): void {
    this.bitmaps.set(name, { enabled, content: new DirtyBitmap(this.size, granularity) });
  }

  #mark(offset: number, length: number): void {
    for (const { enabled, content } of this.bitmaps.values()) {
      if (enabled) content.set(offset, length);
    }
  }
}
