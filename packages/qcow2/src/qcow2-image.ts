import { type BlockDevice, type BlockExtent, type WriteZeroesOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { ContentAccess } from './content-access.ts';
import { hasDataFile } from './data-file/data-file.ts';
import { DataMap } from './data-file/data-map.ts';
import { replaceImage, type ReplaceImageOptions } from './data-file/replace-image.ts';
import { HostMetadata } from './host-metadata.ts';
import { readSnapshots, type Snapshot } from './header/snapshot-table.ts';
import type { ImageMetadata } from './image-metadata.ts';
import type { ImageState } from './image-state.ts';
import { type Qcow2Info, infoOf } from './info.ts';
import type { BackingFile } from './io/backing-file.ts';
import { DiskParts } from './io/disk-parts.ts';
import { type LayerExtent, layerExtents, mergeLayers } from './io/layer-extents.ts';
import type { Preallocation } from './io/preallocator.ts';
import { mergeExtents } from './io/reader.ts';
import { roundUp, SECTOR_SIZE } from './geometry.ts';
import { InFlight } from './util/in-flight.ts';

interface Qcow2ImageParts {
  readonly state: ImageState;
  readonly backing: BackingFile;
  readonly writable: boolean;
}

/**
 * The disk inside a qcow2 image. It owns the device it was opened on, its data file and its backing
 * file, and closes them. A bitmap in the image does not see these writes: that is for who tracks them.
 */
export class Qcow2Image implements BlockDevice {
  readonly label: string;
  readonly writable: boolean;
  readonly canDiscard = true;
  /** The image file as the bitmaps in it see it. */
  readonly metadata: ImageMetadata;
  readonly #state: ImageState;
  readonly #access: ContentAccess;
  readonly #backing: BackingFile;
  readonly #parts: DiskParts;
  readonly #calls = new InFlight();
  #closing: Promise<void> | undefined;
  #isReplaced = false;

  /** For `openQcow2`. */
  constructor({ state, backing, writable }: Qcow2ImageParts) {
    this.label = `qcow2 image in ${state.file.label}`;
    this.writable = writable;
    this.#state = state;
    this.#access = new ContentAccess(this.label, state);
    this.#backing = backing;
    const parts = new DiskParts(state, backing);
    this.#parts = parts;
    this.metadata = new HostMetadata({ state, parts, writable });
  }

  get size(): number {
    return this.#state.header.virtualSize;
  }
  get info(): Qcow2Info {
    return infoOf(this.#state.header);
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#access.check(offset, target.length);
    await this.#calls.run(() => this.#parts.reader.read(target, offset));
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#change(offset, source.length, () => this.#parts.writer.write(source, offset));
  }

  /** Of what the tables in memory tell the place. */
  readNow(target: Uint8Array, offset: number): boolean {
    if (!this.#access.allows(offset, target.length)) return false;
    return unlessCorrupt(() => this.#parts.reader.readNow(target, offset));
  }

  /** What is written in place. */
  writeNow(source: Uint8Array, offset: number): boolean {
    const isReady = this.writable && this.#state.isReadyToWrite;
    if (!isReady || !this.#access.allows(offset, source.length)) return false;
    return unlessCorrupt(() => this.#parts.writer.writeNow(source, offset));
  }

  /**
   * Writes one cluster, or the disk's last part of one, compressed; as it is where that saves nothing.
   * @throws IMAGE_UNSUPPORTED: its data lies in a data file, or Node.js has no zstd; RangeError
   */
  async writeCompressed(source: Uint8Array, offset: number): Promise<void> {
    const { clusterSize } = this.info;
    const isWhole = source.length === Math.min(clusterSize, this.size - offset);
    if (offset % clusterSize !== 0 || !isWhole || source.length === 0) {
      throw new RangeError(`expected one cluster, got ${source.length} bytes at ${offset}`);
    }
    await this.#change(offset, source.length, () =>
      this.#parts.compressedWriter.write(source, offset),
    );
  }

  async writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions = {},
  ): Promise<void> {
    await this.#change(offset, length, () =>
      this.#parts.zeroer.writeZeroes(offset, length, options),
    );
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#change(offset, length, () => this.#parts.zeroer.discard(offset, length));
  }

  /**
   * Gives places to clusters of a range that shows zeros, which it does afterwards, too. Of a data file,
   * `metadata` is all that an image has to say.
   */
  async preallocate(offset: number, length: number, how: Preallocation): Promise<void> {
    await this.#change(offset, length, () => this.#parts.preallocator.fill(offset, length, how));
  }

  async flush(): Promise<void> {
    this.#access.check(0, 0);
    if (this.writable) await this.#calls.run(() => this.#state.flush());
  }

  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    this.#access.check(offset, length);
    return mergeExtents(this.#parts.reader.extents(offset, length));
  }

  /** The internal snapshots, oldest first. @throws IMAGE_CORRUPT */
  async snapshots(): Promise<Snapshot[]> {
    this.#access.check(0, 0);
    return this.#calls.run(() => readSnapshots(this.#state.file, this.#state.header));
  }

  /**
   * Which file of the backing chain decides each part of the disk, and where its bytes lie there.
   * @throws IMAGE_UNSUPPORTED where the backing file is needed and was not opened
   */
  layerExtents(offset: number, length: number): AsyncIterable<LayerExtent> {
    this.#access.check(offset, length);
    return mergeLayers(layerExtents(this.#state, this.#backing, { offset, length }));
  }

  /** Whether more than `limit` clusters of its file are counted as in use. @throws IMAGE_CORRUPT */
  async usesMoreClustersThan(limit: number): Promise<boolean> {
    this.#access.check(0, 0);
    return this.#calls.run(() => this.#state.usesMoreClustersThan(limit));
  }

  /** How its data file makes up the disk. Undefined: the data is in the image. */
  get dataMap(): DataMap | undefined {
    if (!hasDataFile(this.#state.header)) return undefined;
    return new DataMap(this.#state, () => this.#prepareToWrite());
  }

  /**
   * Puts another image in this one's place, of the same size: for images that are there for their
   * bitmaps alone. All that can be done with this one afterwards is to close it.
   * @throws as `replaceImage`
   */
  async replace(
    options: ReplaceImageOptions,
    fill: (draft: ImageMetadata) => Promise<void>,
  ): Promise<void> {
    await this.#prepareToWrite();
    await this.#calls.run(() => replaceImage(this.#state, options, fill));
    this.#isReplaced = true;
  }

  /**
   * Rounds up to 512 bytes. What is added is zeros, and what is cut off is given back. Calls beyond
   * a new, smaller end have to be over.
   * @throws DEVICE_UNSUPPORTED where it holds bitmaps: they need a `resize` of their store, which
   *   resizes the disk too; OUT_OF_RANGE, IMAGE_UNSUPPORTED
   */
  async resize(size: number): Promise<void> {
    if (!Number.isSafeInteger(size)) throw new RangeError(`expected whole bytes, got ${size}`);
    await this.#change(0, 0, () => this.#resize(roundUp(size, SECTOR_SIZE)));
  }

  async #resize(size: number): Promise<void> {
    const { mutex, owner } = this.#state;
    this.#parts.resizer.check(size);
    if (size === this.size) return;
    if (this.#state.header.bitmaps !== undefined) {
      const problem = 'an image that holds bitmaps cannot be resized without them';
      const hint = 'open it together with its bitmaps, or remove them first';
      throw new TidemarkError('DEVICE_UNSUPPORTED', problem, { where: this.label, hint });
    }
    await this.#parts.resizer.prepare(size);
    await mutex.run(() => this.#parts.resizer.commit(size, (fields) => owner.patch(fields)));
    await this.#parts.resizer.finish();
  }

  close(): Promise<void> {
    this.#access.close();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#calls.drain();
      // Its counts are of another image.
      if (this.writable && !this.#isReplaced) await this.#state.settle();
    } finally {
      await this.#closeFiles();
    }
  }

  async #closeFiles(): Promise<void> {
    const { file, data } = this.#state;
    const files = [file.device, ...(data.isExternal ? [data.file.device] : []), this.#backing];
    const closed = await Promise.allSettled(files.map((each) => each.close()));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #change(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    this.#access.check(offset, length);
    await this.#calls.run(async () => {
      await this.#prepareToWrite();
      await change();
    });
  }

  async #prepareToWrite(): Promise<void> {
    if (!this.writable) {
      throw new TidemarkError('DEVICE_READ_ONLY', 'the image was opened for reading', {
        where: this.label,
        hint: 'open it for writing',
      });
    }
    await this.#state.prepareToWrite();
  }
}

/** What is wrong, the one learns who calls in the other way. */
function unlessCorrupt(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    return false;
  }
}
