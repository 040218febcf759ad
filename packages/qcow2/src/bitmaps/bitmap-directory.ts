import {
  type DirectoryEntry,
  type DirtyBitmap,
  isUnchanged,
  type PreparedCommit,
  unchanging,
} from '@tidemark/core';
import type { Control, DirectorySeal } from '../control/control.ts';
import { roundUp, SECTOR_SIZE } from '../geometry.ts';
import type { BitmapsPointer, ImageMetadata } from '../image-metadata.ts';
import { Checkpoints } from './checkpoints.ts';
import { assertAllIn, type DirectoryContents } from './compose-records.ts';
import { type BitmapRecord, withFlags } from './directory-codec.ts';
import type { BitmapDirectoryOptions, ReplaceOptions } from './directory-options.ts';
import { sealOf } from './directory-seal.ts';
import { changedByOthers, WHY_LOST } from './faults.ts';
import { freeReplaced } from './free-replaced.ts';
import { LiveTable } from './live-table.ts';
import { LiveTables } from './live-tables.ts';
import { NewClusters } from './new-clusters.ts';
import { type CommittedDirectory, writeNewDirectory } from './new-directory.ts';
import { checkTablePlace, readContent } from './read-content.ts';
import { readDirectory } from './read-directory.ts';
import { allRanges } from './reclaim.ts';
import { UnreadBitmaps } from './unread-bitmaps.ts';
import { byName, indicesOf, isNotIn } from './record-sets.ts';

/**
 * The bitmaps in an image. A change is copy-on-write and touches the clusters of the bitmaps that
 * it names, and no others; it takes effect in one write of sector 0. One task at a time.
 */
export class BitmapDirectory {
  readonly #image: ImageMetadata;
  #diskSize: number;
  readonly #onNotice: (message: string) => void;
  readonly #checkpoints: Checkpoints;
  readonly #live = new LiveTables();
  readonly #unread: UnreadBitmaps;
  #records: ReadonlyMap<string, BitmapRecord> = new Map();
  /** Byte for byte. */
  #isOnDisk = true;
  /** What `#records` was read from. */
  #pointer: BitmapsPointer | undefined;

  private constructor(options: BitmapDirectoryOptions) {
    this.#image = options.image;
    this.#diskSize = options.diskSize ?? options.image.virtualSize;
    this.#onNotice = options.onNotice ?? (() => {});
    this.#checkpoints = new Checkpoints(options.image);
    this.#unread = new UnreadBitmaps(options.image, this.#onNotice);
  }

  /**
   * Reads the directory, and no table. Bitmaps that nothing vouches for (`bitmapsLost`) are not
   * there. @throws IMAGE_CORRUPT
   */
  static async open(options: BitmapDirectoryOptions): Promise<BitmapDirectory> {
    const directory = new BitmapDirectory(options);
    const { bitmaps, bitmapsLost, label } = options.image;
    options.image.onCut?.(directory.#onNotice);
    if (bitmapsLost) directory.#onNotice(`${label}: its bitmaps are ignored, ${WHY_LOST}`);
    if (bitmaps !== undefined) {
      const records = await readDirectory(options.image, bitmaps, directory.#diskSize);
      directory.#records = byName(records);
    }
    directory.#pointer = bitmaps;
    directory.#checkpoints.read({ seal: directory.seal, records: directory.#all });
    return directory;
  }

  /** Bytes of the disk that the bitmaps describe. */
  get diskSize(): number {
    return this.#diskSize;
  }

  /** The directory that is in place. */
  get seal(): DirectorySeal {
    return sealOf(this.#all, this.#pointer);
  }

  /** In the order of the directory. */
  get records(): readonly BitmapRecord[] {
    return this.#all.map((record) => {
      const { checkpoint } = this.#checkpoints.of(record.name);
      return checkpoint === undefined ? record : { ...record, checkpoint };
    });
  }

  /** Why the checkpoint of a bitmap is not known although it may have one: a clause. */
  checkpointLost(name: string): string | undefined {
    return this.#checkpoints.of(name).lost;
  }

  get #all(): readonly BitmapRecord[] {
    return [...this.#records.values()];
  }

  /** Names of the entries at these places, such as a control extension has them. */
  namesAt(indices: readonly number[]): readonly string[] {
    const all = this.#all;
    return indices.flatMap((index) => all[index]?.name ?? []);
  }

  /**
   * Takes a bitmap that was left in use for one at rest, by the word of a caller who knows that its
   * bits on disk are valid. On disk it stays in use until the next `replace`.
   * @throws IMAGE_CORRUPT: its table is not where it has to be
   */
  adopt(name: string): void {
    const record = this.#find(name, 'adopt');
    const adopted = withFlags(record, { enabled: record.enabled, inUse: false });
    checkTablePlace(this.#image, adopted, this.#diskSize);
    this.#records = new Map(this.#records).set(name, adopted);
    this.#isOnDisk = false;
  }

  /**
   * `later`: bits may be read when they are needed. What cannot be read then is dirty, and told.
   * @throws IMAGE_CORRUPT; RangeError for a bitmap that is not there or must not be read
   */
  async readContent(name: string, { later = false } = {}): Promise<DirtyBitmap> {
    this.#assertCurrent();
    const record = this.#find(name, 'read', ({ inUse }) => !inUse);
    if (later) return this.#unread.read(record, this.#diskSize);
    return readContent(this.#image, record, this.#diskSize);
  }

  /**
   * The bits of a bitmap as they lie on disk, to be changed in place until `replace` gives the
   * bitmap other bits. @throws IMAGE_CORRUPT; RangeError for a bitmap that is not there
   */
  async openLive(name: string): Promise<LiveTable> {
    this.#assertCurrent();
    const record = this.#find(name, 'write');
    // In use by us or not: bits for which the table has no entry could not be kept.
    checkTablePlace(this.#image, { ...record, inUse: false }, this.#diskSize);
    const bitCount = Math.ceil(this.#diskSize / record.granularity);
    const about = { image: this.#image, record, bitCount, unread: this.#unread };
    const table = await LiveTable.open(about);
    this.#live.set(name, table);
    return table;
  }

  /**
   * Durably puts `entries` in place of the directory. Those in `contents` or `merges` get new data
   * and a new table, the others keep theirs. When this fails, the old directory is in place where
   * `isUnchanged` of core says so, and what is live goes on; else that one or the new one.
   * @throws BITMAP_UNSUPPORTED (version 2), BITMAP_INVALID, NO_SPACE, IO_FAILED, STORE_FAILED
   */
  async replace(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
    options: ReplaceOptions = {},
  ): Promise<void> {
    await (await this.#write({ entries, contents }, options, { durable: false })).commit();
  }

  /**
   * `replace` in two: all that the new directory is made of is durable when this resolves, and what
   * is left for `commit` is one write of sector 0. `abort` gives its clusters back. No other change
   * may come between.
   */
  async prepare(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
    options: ReplaceOptions = {},
  ): Promise<PreparedCommit> {
    return this.#write({ entries, contents }, options, { durable: true });
  }

  async #write(
    { entries, contents }: DirectoryContents,
    { control, merges, diskSize = this.#diskSize }: ReplaceOptions,
    { durable }: { readonly durable: boolean },
  ): Promise<PreparedCommit> {
    this.#assertCurrent();
    const clusters = new NewClusters(this.#image);
    const isResize = diskSize !== this.#diskSize;
    if (isResize) assertAllIn({ entries, contents });
    const present = { records: this.#records, isLive: (name: string) => this.#live.has(name) };
    const kept = { records: this.#all, pointer: this.#pointer };
    const inPlace = this.#isOnDisk ? kept : undefined;
    const about = { image: this.#image, diskSize, present, inPlace, clusters, durable };
    const next = await unchanging(() => writeNewDirectory({ entries, contents, merges, ...about }));
    const live = new Set(entries.filter((entry) => entry.live === true).map(({ name }) => name));
    const liveEntries = indicesOf(next.records, live);
    const tokens = this.#checkpoints.next(entries, next.records);
    const controlOf = control && ((seal: DirectorySeal) => control({ seal, liveEntries, tokens }));
    return {
      commit: () => this.#commit({ ...next, tokens, diskSize }, clusters, controlOf),
      abort: () => clusters.abandon(),
    };
  }

  async #commit(
    { records, pointer, tokens, diskSize }: CommittedDirectory,
    clusters: NewClusters,
    control: ((seal: DirectorySeal) => Control) | undefined,
  ): Promise<void> {
    await unchanging(async () => this.#assertCurrent());
    // What is written in place from here on would be lost with the clusters it goes to.
    const dropped = this.#all.filter(isNotIn(records));
    const resume = await this.#live.retire(dropped.map(({ name }) => name));
    try {
      // The commit point. If it fails, both are possible, and nothing may be given back.
      await this.#image.commitBitmaps(pointer, {
        control: control && (() => control(sealOf(records, pointer))),
        hasBitmapsAtRest: records.some(({ inUse }) => !inUse),
        ...(diskSize !== this.#diskSize && { virtualSize: roundUp(diskSize, SECTOR_SIZE) }),
      });
    } catch (error) {
      if (isUnchanged(error)) {
        resume();
        await clusters.abandon();
      }
      throw error;
    }

    this.#diskSize = diskSize;
    const oldDirectory = this.#pointer;
    this.#records = byName(records);
    this.#pointer = this.#image.bitmaps;
    this.#isOnDisk = true;
    this.#checkpoints.committed(tokens, { seal: this.seal, records });
    if (pointer === oldDirectory) return;
    const [image, onNotice, unread] = [this.#image, this.#onNotice, this.#unread];
    await freeReplaced({ image, dropped, kept: records, oldDirectory, onNotice, unread });
  }

  /**
   * Gives back what a crash has left allocated, in an image that is there for bitmaps alone. To be
   * called before anything is changed. @returns the number of clusters. @throws I/O codes
   */
  async reclaimLeaks(): Promise<number> {
    this.#assertCurrent();
    const kept = this.#image.bitmapsLost ? undefined : await allRanges(this.#image, this.#all);
    return kept === undefined ? 0 : this.#image.reclaimLeaks(kept);
  }

  #find(name: string, what: string, isFit = (_: BitmapRecord) => true): BitmapRecord {
    const record = this.#records.get(name);
    if (record !== undefined && record.unsupported === undefined && isFit(record)) return record;
    throw new RangeError(`there is nothing to ${what} of bitmap '${name}'`);
  }

  /** Another directory than the one we know: to write ours would undo what somebody else did. */
  #assertCurrent(): void {
    if (this.#image.bitmaps !== this.#pointer) throw changedByOthers(this.#image.label);
  }
}
