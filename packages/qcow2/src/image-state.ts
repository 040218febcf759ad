import { hasDataFile } from './data-file/data-file.ts';
import type { Geometry } from './geometry.ts';
import { DataInFile } from './guest-data/data-file.ts';
import { DataInImage } from './guest-data/data-in-image.ts';
import type { GuestData } from './guest-data/guest-data.ts';
import { HeaderOwner } from './header/header-owner.ts';
import { headerGeometry, type ImageHeader } from './header/image-header.ts';
import { snapshotRanges } from './header/snapshot-table.ts';
import { keptAutoclear } from './header/kept-autoclear.ts';
import type { HostFile } from './io/host-file.ts';
import { ClusterMap } from './mapping/cluster-map.ts';
import { L1Table } from './mapping/l1-table.ts';
import { type Allocation, Allocator } from './refcounts/allocator.ts';
import { MetadataGuard } from './refcounts/metadata-guard.ts';
import { PackedSpace } from './refcounts/packed-space.ts';
import { Refcounts } from './refcounts/refcounts.ts';
import { unreferencedClusters } from './refcounts/unreferenced.ts';
import { usesMoreThan } from './refcounts/used-clusters.ts';
import { InFlight } from './util/in-flight.ts';
import { Mutex } from './util/mutex.ts';
import { RangeLock } from './util/range-lock.ts';
import type { HostRange } from './util/range-set.ts';

interface Unlinked extends Allocation {
  /** An L2 table is metadata until it is given back; nothing else that is given back is. */
  readonly kind: 'table' | 'other';
}

interface ImageParts {
  readonly file: HostFile;
  readonly owner: HeaderOwner;
  readonly l1: L1Table;
  readonly dataFile: HostFile | undefined;
}

/**
 * What reading, writing and bitmaps share of an open image: its tables, and the order in which
 * they reach the disk. Everything that changes a table runs in `mutex`; methods that say so expect
 * to be called inside it.
 */
export class ImageState {
  readonly file: HostFile;
  readonly owner: HeaderOwner;
  readonly geometry: Geometry;
  readonly map: ClusterMap;
  readonly allocator: Allocator;
  readonly packedSpace: PackedSpace;
  readonly data: GuestData;
  readonly guard: MetadataGuard;
  readonly mutex = new Mutex();
  /** Guest clusters whose mapping is about to change. Taken before `mutex`, never inside it. */
  readonly clusterLocks = new RangeLock();
  readonly inFlight = new InFlight();
  readonly #refcounts: Refcounts;
  /** Unlinked in memory; their refcounts drop when the unlink is durable. */
  #unlinked: Unlinked[] = [];
  #isReady = false;

  private constructor({ file, owner, l1, dataFile }: ImageParts) {
    const { version } = owner.header;
    const geometry = headerGeometry(owner.header);
    this.file = file;
    this.owner = owner;
    this.geometry = geometry;
    const options = { file, l1, geometry, version };
    this.map = new ClusterMap({ ...options, hasDataFile: hasDataFile(owner.header) });
    this.data = dataFile === undefined ? new DataInImage(this) : new DataInFile(dataFile, owner);
    this.guard = new MetadataGuard(file, owner, geometry);
    const refcounts = new Refcounts(file, owner, geometry);
    this.#refcounts = refcounts;
    this.allocator = new Allocator({ file, refcounts, guard: this.guard, geometry });
    this.packedSpace = new PackedSpace(this.allocator, geometry);
  }

  /** `dataFile`: where the data lies, if it is not in the image. */
  static async open(
    file: HostFile,
    header: ImageHeader,
    dataFile: HostFile | undefined,
  ): Promise<ImageState> {
    const owner = new HeaderOwner(file, header);
    return new ImageState({ file, owner, l1: await L1Table.read(file, owner), dataFile });
  }

  get header(): ImageHeader {
    return this.owner.header;
  }
  /** Whether `prepareToWrite` would do nothing, and neither it nor a write of data throw anything. */
  get isReadyToWrite(): boolean {
    return this.#isReady && this.file.isSound && this.data.file.isSound;
  }

  /**
   * Has to be awaited before any change. Looks up what must not be overwritten, and durably clears
   * the autoclear bits of features that we do not keep up to date (qcow2.rst,
   * "autoclear_features"). @throws IMAGE_CORRUPT: nothing was written
   */
  async prepareToWrite(): Promise<void> {
    this.file.assertSound();
    if (this.#isReady) return;
    await this.mutex.run(async () => {
      if (this.#isReady) return;
      await this.#refcounts.open();
      const tables = [...this.map.l1.offsets(), ...this.#refcounts.blockOffsets()];
      this.guard.open(tables, await snapshotRanges(this.file, this.header));
      const autoclear = keptAutoclear(this.header);
      if (autoclear !== this.header.autoclear) await this.owner.patch({ autoclear });
      this.#isReady = true;
    });
  }

  /** Inside `mutex`: makes the L2 table of a guest offset one that may be changed in place. */
  async ensureTable(guestOffset: number): Promise<void> {
    if (this.map.tables.mustWriteBack) await this.writeBack();
    const index = this.map.l1Index(guestOffset);
    const old = this.map.l1.get(index);
    if (old?.exclusive) return;
    // A snapshot shares the old table and keeps it: what it maps is counted for both of them.
    const bytes =
      old === undefined
        ? new Uint8Array(this.geometry.clusterSize)
        : await this.map.copyTable(old.offset);
    const offset = await this.allocator.allocate(1);
    this.guard.add(offset);
    this.map.tables.put(offset, bytes);
    this.map.l1.set(index, offset);
    if (old !== undefined)
      this.#unlinked.push({ offset: old.offset, clusterCount: 1, kind: 'table' });
  }

  /** Inside `mutex`: gives back L2 tables that map nothing, from this one of the L1 table on. */
  dropTables(first: number): void {
    const { l1 } = this.map;
    for (let index = first; index < l1.length; index++) {
      const table = l1.get(index);
      if (table === undefined) continue;
      l1.clear(index);
      this.#unlinked.push({ offset: table.offset, clusterCount: 1, kind: 'table' });
    }
  }

  /** Gives clusters back once the change that unlinked them is durable. */
  unlink(offset: number, clusterCount: number): void {
    this.#unlinked.push({ offset, clusterCount, kind: 'other' });
  }

  /** Inside `mutex`: gives clusters back that nothing on disk points to, durably. */
  async release(offset: number, clusterCount: number): Promise<void> {
    await this.file.allOrNothing(() => this.#release({ offset, clusterCount, kind: 'other' }));
  }

  /**
   * Gives back what nothing points to, in an image without guest data: `kept` is all else that is in
   * use. Elsewhere, it does nothing. @returns the number of clusters
   */
  async reclaimLeaks(kept: readonly HostRange[]): Promise<number> {
    return this.mutex.run(async () => {
      const { header, geometry, file } = this;
      const tables = [...this.map.l1.offsets()];
      const hasGuestData = tables.length > 0 && !hasDataFile(header);
      if (hasGuestData || header.snapshotCount > 0 || this.map.isDirty) return 0;
      // What was found may be in the system's cache alone. What a power cut would bring back instead
      // may point to other clusters.
      await this.writeBack();
      const refcounts = this.#refcounts;
      const fileSize = file.size;
      const length = geometry.clusterSize;
      const used = [...kept, ...tables.map((offset) => ({ offset, length }))];
      const found = await unreferencedClusters({
        header,
        geometry,
        refcounts,
        fileSize,
        kept: used,
      });
      for (const offset of found) this.unlink(offset, 1);
      await this.#giveBack();
      return found.length;
    });
  }

  /** Whether more than `limit` clusters of the file are counted as in use. @throws IMAGE_CORRUPT */
  async usesMoreClustersThan(limit: number): Promise<boolean> {
    return this.mutex.run(async () => {
      await this.#refcounts.open();
      const end = Math.floor(this.file.size / this.geometry.clusterSize);
      return usesMoreThan(this.#refcounts, end, limit);
    });
  }

  /** What was acknowledged before the call is durable afterwards. */
  async flush(): Promise<void> {
    await this.mutex.run(() => this.writeBack());
  }

  /**
   * Inside `mutex`. Counts before links, each durable before the next, so that whatever part of
   * the writes reaches the disk, a link never points to a cluster that is counted as free or whose
   * content is missing. Clusters are given back at the end, when nothing on disk points to them.
   */
  async writeBack(): Promise<void> {
    const { file, map } = this;
    // What lies in a data file, too, comes before the links to it.
    await this.data.flush();
    const vacated = this.#isReady ? await this.#refcounts.writeBack() : undefined;
    if (vacated !== undefined) this.unlink(vacated.offset, vacated.clusterCount);
    if (map.isDirty) {
      await file.flush();
      await map.writeTables();
      if (map.l1.isDirty) {
        await file.flush();
        await map.l1.writeBack();
      }
    }
    await file.flush();
    await this.#giveBack();
  }

  /** `writeBack`, until refcounts on disk are exact: without this, a close would leave leaks. */
  async settle(): Promise<void> {
    await this.mutex.run(async () => {
      await this.writeBack();
      if (this.#isReady && this.#refcounts.isDirty) await this.writeBack();
    });
  }

  async #giveBack(): Promise<void> {
    const unlinked = this.#unlinked;
    if (unlinked.length === 0) return;
    this.#unlinked = [];
    // Readers and writers that looked up a cluster before its unlink may still be busy with it.
    await this.inFlight.drain();
    await this.file.allOrNothing(async () => {
      for (const clusters of unlinked) await this.#release(clusters);
    });
  }

  async #release({ offset, clusterCount, kind }: Unlinked): Promise<void> {
    // A wrong entry pointed to metadata: that is not its to give away.
    if (kind !== 'table') this.guard.assertNotMetadata(offset, clusterCount);
    const gone = await this.allocator.release(offset, clusterCount);
    for (const [i, isGone] of gone.entries()) {
      if (!isGone) continue;
      const cluster = offset + i * this.geometry.clusterSize;
      this.guard.forget(cluster);
      this.map.tables.drop(cluster);
      this.packedSpace.forget(cluster);
    }
  }
}
