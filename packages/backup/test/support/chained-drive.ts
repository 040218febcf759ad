import {
  asUnchanged,
  type BitmapBackend,
  type BitmapStore,
  createBitmapStore,
  type DirectoryEntry,
  type DirtyBitmap,
} from '@tidemark/core';
import { backup, type BackupResult, type FileSystem, followChain } from '../../src/index.ts';
import { TestDevice } from './test-device.ts';

const GRANULARITY = 4096;

/** A small drive with a store of bitmaps; those that are enabled record its writes. */
export class ChainedDrive {
  readonly device: TestDevice;
  #entries: readonly DirectoryEntry[] = [];
  #contents: ReadonlyMap<string, DirtyBitmap> = new Map();
  /** Makes the next change of the bitmaps fail, before it or after it is made. */
  fails: 'before' | 'after' | undefined;

  constructor(size: number) {
    this.device = new TestDevice(size);
  }

  get names(): readonly string[] {
    return this.#entries.map(({ name }) => name);
  }

  async fill(offset: number, length: number, value: number): Promise<void> {
    for (const { name, enabled } of this.#entries) {
      if (enabled) this.#contents.get(name)!.set(offset, length);
    }
    await this.device.write(new Uint8Array(length).fill(value), offset);
  }

  /** Opened anew, as by another process. */
  async open(): Promise<BitmapStore> {
    return createBitmapStore(this.#backend());
  }

  async backup(target: string, fs: FileSystem, chain = 'daily'): Promise<BackupResult> {
    await using store = await this.open();
    const bitmap = await followChain(store, { name: chain, target, granularity: GRANULARITY, fs });
    const drive = { id: 'drive-1', label: 'disk.raw', format: 'raw' };
    return await backup({ source: this.device, target, drive, bitmap, fs });
  }

  #backend(): BitmapBackend {
    return {
      label: 'memory',
      diskSize: this.device.size,
      writable: true,
      readDirectory: async () => this.#entries,
      readContent: async ({ name }) => this.#contents.get(name)!.clone(),
      replaceDirectory: async (entries, contents) => {
        const { fails } = this;
        this.fails = undefined;
        if (fails === 'before') throw asUnchanged(new Error('no space'));
        const kept = entries.map(({ name }) => {
          return [name, contents.get(name) ?? this.#contents.get(name)!] as const;
        });
        this.#contents = new Map(kept);
        this.#entries = entries;
        if (fails === 'after') throw new Error('nobody knows');
      },
      close: async () => {},
    };
  }
}
