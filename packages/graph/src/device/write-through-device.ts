import type { WriteZeroesOptions } from '@tidemark/block';
import { UnownedDevice } from './unowned-device.ts';

/** A device whose changes are durable when they are done. */
export class WriteThroughDevice extends UnownedDevice {
  override async write(source: Uint8Array, offset: number): Promise<void> {
    await super.write(source, offset);
    await this.flush();
  }

  override writeNow(): boolean {
    return false;
  }

  override async writeZeroes(
    offset: number,
    length: number,
    options?: WriteZeroesOptions,
  ): Promise<void> {
    await super.writeZeroes(offset, length, options);
    await this.flush();
  }

  override async discard(offset: number, length: number): Promise<void> {
    await super.discard(offset, length);
    await this.flush();
  }
}
