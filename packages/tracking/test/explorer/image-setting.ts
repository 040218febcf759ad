import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import type { UnderWay } from './census.ts';
import { type CrashDisk, diskHolding, memoryOf } from './crash-disk.ts';
import { Materialising } from './materialising.ts';
import { isMakingWay, layAsQemuDoes } from './qemu-header.ts';
import type { Random } from './random.ts';
import { SectorDevice } from './sectors.ts';
import {
  AREA,
  AREAS,
  GRANULE,
  GRANULES,
  type Plans,
  type Remains,
  type Setting,
  unclosed,
} from './setting.ts';

const SIZE = GRANULES * GRANULE;
/** The file behind images of large clusters: zeros. */
export const BACKING = { name: `base-${'x'.repeat(200)}.raw`, format: 'raw', size: SIZE };

/**
 * A qcow2 image with its bitmaps in it: in small clusters, of which a bitmap has several; or in
 * large ones, with a backing file and a header that takes up several sectors.
 */
export async function imageSetting(random: Random): Promise<Setting> {
  const isLarge = random.chance(40);
  const content = new MemoryDevice({ size: 0 });
  const { name, format } = BACKING;
  const shape = isLarge ? { clusterSize: 8192, backing: { name, format } } : { clusterSize: 512 };
  await createQcow2(content, { size: SIZE, ...shape });
  // Allocated before, so that a write is on the disk at once, and not by the flush that links it.
  const image = await openQcow2(unclosed(content), { writable: true, ...openBacking() });
  for (const area of AREAS) await image.write(new Uint8Array(AREA * GRANULE), area * GRANULE);
  await image.close();
  return new ImageSetting(await diskHolding(content, random), random, isLarge);
}

class ImageSetting implements Setting {
  readonly isOneFile = true;
  readonly losesIdle = false;
  readonly #random: Random;
  readonly #isLarge: boolean;
  #disk: CrashDisk;

  constructor(disk: CrashDisk, random: Random, isLarge: boolean) {
    this.#disk = disk;
    this.#random = random;
    this.#isLarge = isLarge;
  }

  async open(underWay: UnderWay, plans: Plans = {}) {
    const { device, kill } = this.#disk.session(plans.bitmaps);
    const materialising = new Materialising(underWay);
    const opened = await this.#openOn(materialising.watchDevice(device), true);
    return { ...opened, store: materialising.watchStore(opened.store), kill };
  }

  async cut(): Promise<Remains> {
    const bitmapFile = new SectorDevice(this.#disk.cut());
    const { hash } = bitmapFile.sectors;
    return { bitmapFile, hash, open: () => this.#openOn(bitmapFile, false) };
  }

  async powerFails(): Promise<void> {
    this.#disk = await diskHolding(await memoryOf(this.#disk.cut()), this.#random);
  }

  async qemuWritesHeader(): Promise<void> {
    const { device } = this.#disk.session();
    const durable = new SectorDevice(this.#disk.durable());
    if ((await isMakingWay(device)) || (await isMakingWay(durable))) return;
    const header = await layAsQemuDoes(device);
    if (header === undefined) return;
    await device.write(header, 0);
    await device.flush();
  }

  pass(): void {}

  async #openOn(file: BlockDevice, writable: boolean) {
    const found = openBacking();
    const device = await openQcow2(file, { writable, ...found });
    if (found.count() !== (this.#isLarge ? 1 : 0)) throw new Error('the backing file is lost');
    return { device, store: await openQcow2Store(device) };
  }
}

/** Of zeros, as the areas are; and how often it was asked for. */
function openBacking() {
  let count = 0;
  return {
    count: () => count,
    openBacking: async (name: string, format: string | undefined) => {
      if (name !== BACKING.name || format !== BACKING.format) {
        throw new Error(`the backing file is ${name}, ${format}`);
      }
      count += 1;
      return new MemoryDevice({ size: SIZE, writable: false });
    },
  };
}
