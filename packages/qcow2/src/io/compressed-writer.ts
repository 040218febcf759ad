import { unsupported } from '../errors.ts';
import { hasDataFile } from '../data-file/data-file.ts';
import type { ImageState } from '../image-state.ts';
import { compressedEntry } from '../mapping/cluster-entry.ts';
import { compress } from './compress.ts';
import { unlinkOld, type Writer } from './writer.ts';

/** Writes clusters that are compressed. Callers have called `prepareToWrite`. */
export class CompressedWriter {
  readonly #state: ImageState;
  readonly #writer: Writer;

  constructor(state: ImageState, writer: Writer) {
    this.#state = state;
    this.#writer = writer;
  }

  /** One cluster, or the disk's last part of one. Stays as it is where compression saves nothing. */
  async write(source: Uint8Array, offset: number): Promise<void> {
    const { header, file, geometry } = this.#state;
    if (hasDataFile(header)) {
      const hint = 'write it uncompressed, or to an image without a data file';
      throw unsupported(file.label, 'a data file holds no compressed clusters', hint);
    }
    const content = new Uint8Array(geometry.clusterSize);
    content.set(source);
    const packed = await compress({ where: file.label, type: header.compressionType, content });
    if (packed === undefined || !(await this.#put(packed, offset))) {
      await this.#writer.write(source, offset);
    }
  }

  /** @returns whether the entry can hold where it lies */
  async #put(packed: Uint8Array, offset: number): Promise<boolean> {
    const { clusterLocks, mutex, geometry } = this.#state;
    const cluster = offset / geometry.clusterSize;
    return clusterLocks.run(cluster, cluster, () => mutex.run(() => this.#link(packed, offset)));
  }

  async #link(packed: Uint8Array, offset: number): Promise<boolean> {
    const { packedSpace, map, geometry } = this.#state;
    // Before the place is found: it may write tables back, and give clusters away.
    await this.#state.ensureTable(offset);
    const host = await packedSpace.allocate(packed.length);
    const entry = compressedEntry(host, packed.length, geometry);
    try {
      if (entry === undefined) return await this.#abandon(host, packed.length);
      await this.#state.file.write(packed, host);
    } catch (error) {
      // A failure here leaves a leak, and must not hide the error that led to it.
      await this.#abandon(host, packed.length).catch(() => undefined);
      throw error;
    }
    await map.replace(offset, 1, (old) => {
      unlinkOld(this.#state, old, undefined);
      return entry;
    });
    return true;
  }

  async #abandon(host: number, length: number): Promise<false> {
    const { clusterSize } = this.#state.geometry;
    const first = Math.floor(host / clusterSize);
    const last = Math.floor((host + length - 1) / clusterSize);
    await this.#state.release(first * clusterSize, last - first + 1);
    return false;
  }
}
