// A store of one's own: bitmaps in a JSON file. `createBitmapStore` does the rest, and the contract suite of
// @tidemark/core says whether it is a good one (examples.test.ts holds it to that).
import { existsSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type BitmapBackend,
  type BitmapStore,
  createBitmapStore,
  type DirectoryEntry,
  DirtyBitmap,
} from '@tidemark/core';

interface Content {
  readonly entries: readonly DirectoryEntry[];
  /** Base64 of each bitmap's bits, in the order of the entries. Not by name: one may be `__proto__`. */
  readonly bits: readonly string[];
}

export async function openJsonStore(
  path: string,
  diskSize: number,
  { writable = true }: { readonly writable?: boolean } = {},
): Promise<BitmapStore> {
  return createBitmapStore(new JsonBackend(path, diskSize, writable));
}

class JsonBackend implements BitmapBackend {
  readonly label: string;
  readonly diskSize: number;
  readonly writable: boolean;

  constructor(path: string, diskSize: number, writable: boolean) {
    this.label = path;
    this.diskSize = diskSize;
    this.writable = writable;
  }

  async readDirectory(): Promise<readonly DirectoryEntry[]> {
    return (await this.#read()).entries;
  }

  async readContent({ name, granularity }: DirectoryEntry): Promise<DirtyBitmap> {
    const bitmap = new DirtyBitmap(this.diskSize, granularity);
    bitmap.deserialize(Buffer.from(bitsOf(await this.#read(), name), 'base64'));
    return bitmap;
  }

  /** The commit point is the rename: before it the old file is there, after it the new one. */
  async replaceDirectory(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
  ): Promise<void> {
    const old = await this.#read();
    const bits = entries.map(({ name }) => {
      const content = contents.get(name);
      return content === undefined ? bitsOf(old, name) : base64Of(content);
    });
    const file = await open(`${this.label}.new`, 'w');
    await file.writeFile(JSON.stringify({ entries, bits }));
    await file.sync();
    await file.close();
    await rename(`${this.label}.new`, this.label);
    const folder = await open(dirname(this.label));
    await folder.sync();
    await folder.close();
  }

  async close(): Promise<void> {}

  async #read(): Promise<Content> {
    if (!existsSync(this.label)) return { entries: [], bits: [] };
    const content: Content = JSON.parse(await readFile(this.label, 'utf8'));
    return content;
  }
}

function bitsOf({ entries, bits }: Content, name: string): string {
  return bits[entries.findIndex((entry) => entry.name === name)]!;
}

function base64Of(bitmap: DirtyBitmap): string {
  const bytes = Buffer.alloc(bitmap.serializedLength);
  bitmap.serialize(bytes);
  return bytes.toString('base64');
}
