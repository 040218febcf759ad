import type { ResizeStoreOptions } from '../resizing.ts';
import type { BitmapStore } from '../store.ts';
import type { MakeStoreFixture, StoreFixture, TestRunner } from './fixture.ts';
import { DISK_SIZE } from './helpers.ts';

/** What a theme of the contract is written with. */
export interface Cases {
  /** Declares a case, which gets a disk of its own. */
  readonly it: (name: string, body: (disk: Disk) => Promise<void>, diskSize?: number) => void;
  readonly expect: TestRunner['expect'];
}

/** The fixture of one case. Stores that the case leaves open are closed behind it. */
export interface Disk {
  open(options?: { readonly writable?: boolean }): Promise<BitmapStore>;
  /** Ends a store as a crash would, and opens the next one. */
  crash(store: BitmapStore): Promise<BitmapStore>;
  /** Closes a store, and opens the next one. */
  reopen(store: BitmapStore): Promise<BitmapStore>;
  /** Resizes a store and its disk, in this order. */
  resize(store: BitmapStore, diskSize: number, options?: ResizeStoreOptions): Promise<void>;
  /** Names of bitmaps that others find in use now. */
  inUse(): Promise<readonly string[]>;
}

export function casesOf({ it, expect }: TestRunner, makeFixture: MakeStoreFixture): Cases {
  return {
    expect,
    it(name, body, diskSize = DISK_SIZE) {
      it(name, async () => {
        const fixture = await makeFixture(diskSize);
        const opened = new Set<BitmapStore>();
        try {
          await body(diskOf(fixture, opened));
          for (const store of opened) await store.close();
        } finally {
          await fixture.destroy();
        }
      });
    },
  };
}

function diskOf(fixture: StoreFixture, opened: Set<BitmapStore>): Disk {
  async function open(options?: { readonly writable?: boolean }): Promise<BitmapStore> {
    const store = await fixture.open(options);
    opened.add(store);
    return store;
  }
  return {
    open,
    inUse: () => fixture.inUse(),
    async resize(store, diskSize, options) {
      await store.resize(diskSize, options);
      await fixture.resizeDisk?.(diskSize);
      await store.confirmSize();
    },
    async crash(store) {
      opened.delete(store);
      await fixture.crash(store);
      return open();
    },
    async reopen(store) {
      opened.delete(store);
      await store.close();
      return open();
    },
  };
}
