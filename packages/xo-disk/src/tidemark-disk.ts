import { type DiskBlock, RandomAccessDisk } from '@xen-orchestra/disk-transform';
import { checkGranularity, type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { blocksOf } from './blocks.ts';
import type { TidemarkDiskOptions } from './tidemark-disk-options.ts';

const BLOCK_SIZE = 65_536;

/**
 * A drive of Tidemark as Xen Orchestra's disk. Without `changes` it is a full one: all blocks but those
 * that are known to be zeros. With them it is a differencing one, of the blocks that changed.
 */
export class TidemarkDisk extends RandomAccessDisk {
  readonly #options: TidemarkDiskOptions;
  readonly #blockSize: number;
  #blocks: DirtyBitmap | undefined;
  #isClosed = false;

  /** Not open until `init`. @throws BITMAP_INVALID: the block size */
  constructor(options: TidemarkDiskOptions) {
    super();
    this.#blockSize = options.blockSize ?? BLOCK_SIZE;
    checkGranularity(this.#blockSize);
    this.#options = options;
  }

  /** Bytes. */
  override getVirtualSize(): number {
    return this.#options.device.size;
  }

  /** Bytes. */
  override getBlockSize(): number {
    return this.#blockSize;
  }

  override isDifferencing(): boolean {
    return this.#options.changes !== undefined;
  }

  /**
   * Looks which blocks there are; a second call does nothing, as chains of disks make one.
   * @throws DEVICE_CLOSED, BITMAP_INVALID (of another size), BITMAP_TOO_LARGE (over 2^32 blocks), what
   *   `changes` and the device throw
   */
  override async init(): Promise<void> {
    if (this.#isClosed) throw this.#closed();
    this.#blocks ??= await blocksOf(this.#options, this.#blockSize);
  }

  /** In order. */
  override getBlockIndexes(): number[] {
    const indexes: number[] = [];
    for (const { offset, length } of this.#open().dirtyExtents()) {
      const end = offset + length;
      for (let at = offset; at < end; at += this.#blockSize) indexes.push(at / this.#blockSize);
    }
    return indexes;
  }

  override getBlockIndexesCount(): number {
    return this.#open().count;
  }

  override hasBlock(index: number): boolean {
    const blocks = this.#open();
    const offset = index * this.#blockSize;
    return index >= 0 && offset < blocks.diskSize && blocks.isDirty(offset);
  }

  /** The last block of a disk is as long as the others: zeros follow. @throws OUT_OF_RANGE, I/O codes */
  override async readBlock(index: number): Promise<DiskBlock> {
    const { device } = this.#options;
    if (!this.hasBlock(index)) {
      throw new TidemarkError('OUT_OF_RANGE', `block ${index} is none of this disk's`, {
        where: device.label,
        hint: 'ask hasBlock, or read the parent',
      });
    }
    const data = Buffer.alloc(this.#blockSize);
    const offset = index * this.#blockSize;
    await device.read(data.subarray(0, device.size - offset), offset);
    return { index, data };
  }

  /** @throws TypeError: the disk was made without `parent` */
  override instantiateParent(): RandomAccessDisk {
    const { parent, device } = this.#options;
    if (parent === undefined) throw new TypeError(`the disk of ${device.label} has no parent`);
    return parent();
  }

  /**
   * @throws BACKUP_PARENT_MISMATCH: a chain of the two would take wrong blocks, or some that are behind
   *   the end of this disk
   */
  override async openParent(): Promise<RandomAccessDisk> {
    await super.openParent();
    const parent = this.parent!;
    const wrong = wrongParent(parent, this);
    if (wrong === undefined) return parent;
    await parent.close();
    throw new TidemarkError('BACKUP_PARENT_MISMATCH', `the parent ${wrong}`, {
      where: this.#options.device.label,
      hint: 'give both disks one block size, and take a full disk where it has shrunk',
    });
  }

  /** Idempotent. What is behind the device stays open, unless `onClose` closes it. */
  override async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#options.onClose?.();
  }

  #open(): DirtyBitmap {
    if (this.#isClosed) throw this.#closed();
    if (this.#blocks === undefined) throw new TypeError('init was not called');
    return this.#blocks;
  }

  #closed(): TidemarkError {
    return new TidemarkError('DEVICE_CLOSED', 'this disk is closed', {
      where: this.#options.device.label,
    });
  }
}

function wrongParent(parent: RandomAccessDisk, child: RandomAccessDisk): string | undefined {
  const [size, its] = [child.getBlockSize(), parent.getBlockSize()];
  if (its !== size) return `has blocks of ${its} bytes, and this disk of ${size}`;
  const [length, larger] = [child.getVirtualSize(), parent.getVirtualSize()];
  return larger > length ? `has ${larger} bytes, and this disk ${length}` : undefined;
}
