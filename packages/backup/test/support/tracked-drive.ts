import { DirtyBitmap } from '@tidemark/core';
import { backup, type BackupOptions, type BackupResult } from '../../src/index.ts';
import type { FileSystem } from '../../src/index.ts';
import { TestDevice } from './test-device.ts';

export const BITMAP = 'daily';

/** A small drive whose writes are marked in a bitmap, with a shadow of what it must contain. */
export class TrackedDrive {
  readonly device: TestDevice;
  bitmap: DirtyBitmap;
  checkpoint: string | undefined;
  restarts = 0;

  constructor(size: number, granularity = 4096) {
    this.device = new TestDevice(size);
    this.bitmap = new DirtyBitmap(size, granularity);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.bitmap.set(offset, bytes.length);
    await this.device.write(bytes, offset);
  }

  async fill(offset: number, length: number, value: number): Promise<void> {
    await this.write(offset, new Uint8Array(length).fill(value));
  }

  async zero(offset: number, length: number): Promise<void> {
    this.bitmap.set(offset, length);
    await this.device.writeZeroes(offset, length);
  }

  async resize(size: number): Promise<void> {
    await this.device.resize(size);
    this.bitmap.resize(size, { grown: 'dirty' });
  }

  /** Backs up by the bitmap, which is cleared when `backup` says so. */
  async backup(
    target: string,
    options: Partial<BackupOptions> & { fs?: FileSystem | undefined } = {},
  ): Promise<BackupResult> {
    return await backup({
      source: this.device,
      target,
      drive: { id: 'drive-1', label: 'disk.raw', format: 'raw' },
      bitmap: {
        name: BITMAP,
        content: this.bitmap.clone(),
        checkpoint: this.checkpoint,
        onDurable: async (checkpoint) => {
          this.restarts++;
          this.bitmap.clear();
          this.checkpoint = checkpoint;
        },
      },
      ...options,
    });
  }
}
