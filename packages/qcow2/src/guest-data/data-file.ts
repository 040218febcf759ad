import type { HeaderOwner } from '../header/header-owner.ts';
import type { HostFile } from '../io/host-file.ts';
import type { Allocation } from '../refcounts/allocator.ts';
import { dataFileOf } from '../data-file/data-file.ts';
import type { GuestData } from './guest-data.ts';

/**
 * A data file: each guest cluster has its place there, which nothing else can have and nobody counts
 * (qcow2.rst, "External data file"). It is as long as the disk.
 */
export class DataInFile implements GuestData {
  readonly isExternal = true;
  readonly isRaw: boolean;
  readonly file: HostFile;
  readonly #owner: HeaderOwner;

  constructor(file: HostFile, owner: HeaderOwner) {
    this.file = file;
    this.#owner = owner;
    this.isRaw = dataFileOf(owner.header)?.raw ?? false;
  }

  async write(source: Uint8Array, host: number): Promise<void> {
    const inside = Math.max(0, this.#owner.header.virtualSize - host);
    await this.file.write(source.subarray(0, inside), host);
  }

  async allocate(guest: number, clusterCount: number): Promise<Allocation> {
    return { offset: guest, clusterCount };
  }

  async abandon(): Promise<void> {}

  unlink(): void {}

  async discard(host: number, length: number): Promise<void> {
    this.file.assertSound();
    const inside = Math.min(length, this.file.size - host);
    if (inside > 0) await this.file.device.discard(host, inside);
  }

  assertData(): void {}

  async flush(): Promise<void> {
    await this.file.flush();
  }

  async resize(from: number, to: number): Promise<void> {
    const { device } = this.file;
    if (device.size > from) await device.resize(from);
    if (to > from) await device.resize(to);
  }
}
