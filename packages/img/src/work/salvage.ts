import { type BlockDevice, ForwardingDevice } from '@tidemark/block';
import { PROGRAM } from '../failure.ts';
import { systemErrorOf } from '../open/describe-error.ts';
import type { Image, Salvage } from '../open/open-image.ts';

const SECTOR = 512;

/** The same image, of which what cannot be read is zeros. `warn` hears of each sector of that. */
export function salvaged(image: Image, warn: (text: string) => void): Image {
  const salvage: Salvage = (what, offset, error) => {
    const why = systemErrorOf(error) ?? 'Input/output error';
    warn(`${PROGRAM}: warning: error while reading ${what} ${offset}: ${why}\n`);
  };
  return { ...image, disk: new SalvagedDisk(image.disk, salvage), salvage };
}

class SalvagedDisk extends ForwardingDevice {
  readonly #salvage: Salvage;

  constructor(below: BlockDevice, salvage: Salvage) {
    super(below);
    this.#salvage = salvage;
  }

  override async read(target: Uint8Array, offset: number): Promise<void> {
    try {
      await this.below.read(target, offset);
    } catch {
      for (let at = 0; at < target.length; at += SECTOR) {
        await this.#readSector(target.subarray(at, at + SECTOR), offset + at);
      }
    }
  }

  async #readSector(target: Uint8Array, offset: number): Promise<void> {
    try {
      await this.below.read(target, offset);
    } catch (error) {
      this.#salvage('offset', offset, error);
      target.fill(0);
    }
  }
}
