import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { type CrashDisk, diskHolding } from './crash-disk.ts';
import type { Random } from './random.ts';
import { AREA, AREAS, GRANULE, GRANULES, type Remains, type Setting, unclosed } from './setting.ts';

/** A qcow2 image with its bitmaps in it. */
export async function imageSetting(random: Random): Promise<Setting> {
  const content = new MemoryDevice({ size: 0 });
  await createQcow2(content, { size: GRANULES * GRANULE, clusterSize: 512 });
  // Allocated before, so that a write is on the disk at once, and not by the flush that links it.
  const image = await openQcow2(unclosed(content), { writable: true });
  for (const area of AREAS) await image.write(new Uint8Array(AREA * GRANULE), area * GRANULE);
  await image.close();
  return new ImageSetting(await diskHolding(content, random), random);
}

class ImageSetting implements Setting {
  readonly losesIdle = false;
  readonly #random: Random;
  #disk: CrashDisk;

  constructor(disk: CrashDisk, random: Random) {
    this.#disk = disk;
    this.#random = random;
  }

  async open() {
    const { device, kill } = this.#disk.session();
    return { ...(await openOn(device, true)), kill };
  }

  async cut(): Promise<Remains> {
    const bitmapFile = await this.#disk.cut();
    return { bitmapFile, open: () => openOn(bitmapFile, false) };
  }

  async powerFails(): Promise<void> {
    this.#disk = await diskHolding(await this.#disk.cut(), this.#random);
  }

  pass(): void {}
}

async function openOn(file: BlockDevice, writable: boolean) {
  const device = await openQcow2(file, { writable });
  return { device, store: await openQcow2Store(device) };
}
