import type { BlockDevice, BlockExtent, WriteZeroesOptions } from '@tidemark/block';

const SECTOR = 512;

export function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / SECTOR) * SECTOR;
}

/** A raw file as QEMU sees it: a disk of whole sectors, with zeros behind the end of the file. */
export class RawDisk implements BlockDevice {
  readonly label: string;
  readonly writable: boolean;
  readonly canDiscard: boolean;
  readonly file: BlockDevice;

  constructor(file: BlockDevice) {
    this.file = file;
    this.label = file.label;
    this.writable = file.writable;
    this.canDiscard = file.canDiscard;
  }

  get size(): number {
    return wholeSectors(this.file.size);
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    const inside = Math.max(0, Math.min(target.length, this.file.size - offset));
    target.fill(0, inside);
    if (inside > 0) await this.file.read(target.subarray(0, inside), offset);
  }

  readNow(target: Uint8Array, offset: number): boolean {
    if (offset + target.length > this.file.size) return false;
    return this.file.readNow?.(target, offset) ?? false;
  }

  /** What lies behind the file's end makes it longer, unless that is zeros anyway. */
  async write(source: Uint8Array, offset: number): Promise<void> {
    const end = offset + source.length;
    if (end > this.file.size) await this.file.resize(end);
    await this.file.write(source, offset);
  }

  writeNow(source: Uint8Array, offset: number): boolean {
    if (offset + source.length > this.file.size) return false;
    return this.file.writeNow?.(source, offset) ?? false;
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    const inside = Math.max(0, Math.min(length, this.file.size - offset));
    if (inside > 0) await this.file.writeZeroes(offset, inside, options);
  }

  async discard(offset: number, length: number): Promise<void> {
    const inside = Math.max(0, Math.min(length, this.file.size - offset));
    if (inside > 0) await this.file.discard(offset, inside);
  }

  flush(): Promise<void> {
    return this.file.flush();
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    const { size } = this.file;
    const end = offset + length;
    const inside = Math.max(0, Math.min(length, size - offset));
    let hole: BlockExtent | undefined;
    if (inside > 0) {
      for await (const extent of this.file.extents(offset, inside)) {
        if (hole !== undefined) yield hole;
        hole = extent.zero ? extent : undefined;
        if (hole === undefined) yield extent;
      }
    }
    const at = Math.max(offset, size);
    // The hole that ends the file goes on behind it.
    const from = hole?.offset ?? at;
    if (from < end) yield { offset: from, length: end - from, zero: true, allocated: false };
  }

  resize(size: number): Promise<void> {
    return this.file.resize(size);
  }

  close(): Promise<void> {
    return this.file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
