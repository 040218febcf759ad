import { type BlockDevice, type BlockExtent, checkRange } from '@tidemark/block';
import type { Granules } from '@tidemark/backup/parts';
import { TidemarkError } from '@tidemark/core';
import type { BlobReader } from '../blobs/blob-reader.ts';
import { toHex } from '../format/digest.ts';
import { DIGEST_SIZE } from '../format/limits.ts';
import { type MapRun, type MapSource, walkMap } from '../map/map-reader.ts';
import type { OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { Recent } from './recent.ts';

const NODES_KEPT = 64;
/** Bytes of blocks that are kept, since a guest reads less than a block at a time. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** A drive as it was at a restore point, for reading. Whatever is damaged is BACKUP_CORRUPT. */
export class PointDevice implements BlockDevice {
  readonly label: string;
  readonly size: number;
  readonly writable = false;
  readonly canDiscard = false;
  readonly #drive: Granules;
  readonly #source: MapSource;
  readonly #reader: BlobReader;
  readonly #nodes = new Recent<Uint8Array>(NODES_KEPT);
  readonly #blocks: Recent<Uint8Array>;
  #isClosed = false;

  constructor({ manifest, number }: OpenPoint, reader: BlobReader) {
    const { drive, granularity, map } = manifest;
    this.label = `restore point ${number} of '${drive.label}'`;
    this.size = drive.size;
    this.#drive = { size: drive.size, granularity };
    this.#reader = reader;
    this.#blocks = new Recent(Math.max(4, KEPT_BYTES / granularity));
    this.#source = {
      drive: this.#drive,
      root: map,
      readNode: async (digest) =>
        this.#nodes.get(toHex(digest), async () => this.#reader.read(digest)),
    };
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, target.length);
    const { granularity } = this.#drive;
    for await (const run of this.#runs(offset, target.length)) {
      const from = run.first * granularity;
      if (run.digests === undefined) {
        const stop = Math.min(offset + target.length, from + run.count * granularity);
        target.fill(0, Math.max(0, from - offset), stop - offset);
      } else {
        await this.#readRun(run, target, offset);
      }
    }
  }

  async #readRun({ first, digests }: MapRun, target: Uint8Array, offset: number): Promise<void> {
    const { granularity } = this.#drive;
    const all = digestsIn(digests!);
    const blocks = await this.#readBlocks(all, target.length);
    blocks.forEach((block, index) => {
      const at = (first + index) * granularity - offset;
      const skipped = Math.max(0, -at);
      target.set(block.subarray(skipped, target.length - at), Math.max(0, at));
    });
  }

  /** Large reads pass by what is kept. */
  async #readBlocks(
    digests: readonly Uint8Array[],
    length: number,
  ): Promise<readonly Uint8Array[]> {
    if (length >= this.#drive.granularity * 4) return this.#reader.readAll(digests);
    return Promise.all(
      digests.map(async (digest) =>
        this.#blocks.get(toHex(digest), async () => this.#reader.read(digest)),
      ),
    );
  }

  #runs(offset: number, length: number): AsyncGenerator<MapRun> {
    const { granularity } = this.#drive;
    const first = Math.floor(offset / granularity);
    const end = length === 0 ? first : Math.ceil((offset + length) / granularity);
    return walkMap(this.#source, { first, end });
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.#check(offset, length);
    const { granularity } = this.#drive;
    const end = offset + length;
    for await (const { first, count, digests } of this.#runs(offset, length)) {
      const from = Math.max(offset, first * granularity);
      const stop = Math.min(end, (first + count) * granularity);
      const zero = digests === undefined;
      yield { offset: from, length: stop - from, zero, allocated: !zero };
    }
  }

  async write(): Promise<void> {
    throw this.#readOnly();
  }

  async writeZeroes(): Promise<void> {
    throw this.#readOnly();
  }

  async discard(): Promise<void> {
    throw this.#readOnly();
  }

  async resize(): Promise<void> {
    throw this.#readOnly();
  }

  async flush(): Promise<void> {
    this.#check(0, 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #check(offset: number, length: number): void {
    if (this.#isClosed) {
      throw new TidemarkError('DEVICE_CLOSED', `${this.label} is closed`, { where: this.label });
    }
    checkRange(this, offset, length);
  }

  #readOnly(): TidemarkError {
    const text = `${this.label} can only be read`;
    return new TidemarkError('DEVICE_READ_ONLY', text, { where: this.label });
  }
}

export function digestsIn(digests: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: digests.length / DIGEST_SIZE }, (_, index) =>
    digests.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE),
  );
}

/** Closing it leaves repository and store open. */
export async function openPointDevice(
  repository: Repository,
  point: OpenPoint,
): Promise<PointDevice> {
  return new PointDevice(point, await repository.reader());
}
