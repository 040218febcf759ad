import type { BitmapStore } from '../store.ts';

/** The part of a test runner that the contract needs; that of vitest fits, and that of jest. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
  readonly expect: (actual: unknown) => { toEqual(expected: unknown): unknown };
}

/** What the contract cannot find out, and a store has to declare. */
export interface ContractOptions {
  /**
   * What a crash leaves of a bitmap in use: `superset`, where it was acquired live and the store
   * has `live`; or always `inconsistent`.
   */
  readonly crashLeaves: 'inconsistent' | 'superset';
  /** Whether its disks can get another size. Default true. */
  readonly resizes?: boolean;
}

/** One disk to try a store on, without bitmaps at first. */
export interface StoreFixture {
  /** May be called again once the store before is closed or has crashed. Default: writable. */
  open(options?: { readonly writable?: boolean }): Promise<BitmapStore>;
  /**
   * Ends the store as a crash would: nothing is written, nothing is flushed, nothing is closed. What
   * was not flushed may be lost, in whole sectors of 512 bytes.
   */
  crash(store: BitmapStore): Promise<void>;
  /** Gives the disk itself another size, durably. Absent where that is what resizing a store does. */
  resizeDisk?(diskSize: number): Promise<void>;
  /** Names of bitmaps that are flagged as in use where they are kept, as others find them now. */
  inUse(): Promise<readonly string[]>;
  /** Gives everything back; stores that a failed case left open, too. */
  destroy(): Promise<void>;
}

/** Makes a fixture with a disk of that many bytes. */
export type MakeStoreFixture = (diskSize: number) => Promise<StoreFixture>;
