import { MemoryDevice } from '@tidemark/block';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import type { UnderWay } from './census.ts';
import { type CrashDisk, diskHolding, memoryOf } from './crash-disk.ts';
import { FileTimes } from './file-times.ts';
import { Materialising } from './materialising.ts';
import type { Random } from './random.ts';
import { SectorDevice, Sectors } from './sectors.ts';
import { GRANULE, GRANULES, type Plans, type Remains, type Setting } from './setting.ts';

const SIZE = GRANULES * GRANULE;
/** Milliseconds: longer than any lease. */
const LONG = 20_000;

/** A raw drive on one disk, and its sidecar on another. */
export async function sidecarSetting(random: Random): Promise<Setting> {
  const raw = new MemoryDevice({ size: SIZE });
  const sidecar = new MemoryDevice({ size: 0 });
  await createSidecar(sidecar, { diskSize: SIZE, clusterSize: 512 });
  return new SidecarSetting(random, {
    raw: await onDisk(raw, random),
    sidecar: await onDisk(sidecar, random),
  });
}

interface Files {
  readonly raw: OnDisk;
  readonly sidecar: OnDisk;
}

interface OnDisk {
  /** What the system holds of it, written or not. */
  readonly content: MemoryDevice;
  readonly disk: CrashDisk;
}

async function onDisk(content: MemoryDevice, random: Random): Promise<OnDisk> {
  return { content, disk: await diskHolding(content, random) };
}

class SidecarSetting implements Setting {
  readonly isOneFile = false;
  readonly losesIdle = true;
  readonly #random: Random;
  readonly #times = new FileTimes();
  #files: Files;

  constructor(random: Random, files: Files) {
    this.#random = random;
    this.#files = files;
  }

  async open(underWay: UnderWay, plans: Plans = {}) {
    const raw = this.#files.raw.disk.session(plans.drive);
    const sidecar = this.#files.sidecar.disk.session(plans.bitmaps);
    const device = this.#times.of(raw.device);
    const now = () => this.#times.now;
    const later = (work: () => void, time: number) => this.#times.later(work, time);
    const materialising = new Materialising(underWay);
    const file = materialising.watchDevice(sidecar.device);
    const options = { drive: device, sidecar: file, writesDrive: true, now, later };
    return {
      device,
      store: materialising.watchStore(await openSidecarStore(options)),
      kill: async () => void (await Promise.all([raw.kill(), sidecar.kill()])),
    };
  }

  async cut(): Promise<Remains> {
    const { raw, sidecar } = this.#files;
    const modified = this.#times.afterCut(this.#random);
    return this.#remains(raw.disk.cut(), sidecar.disk.cut(), modified);
  }

  async powerFails(): Promise<void> {
    const { raw, sidecar } = this.#files;
    this.#times.set(this.#times.afterCut(this.#random));
    this.#files = {
      raw: await onDisk(await memoryOf(raw.disk.cut()), this.#random),
      sidecar: await onDisk(await memoryOf(sidecar.disk.cut()), this.#random),
    };
  }

  pass(isQuiet: boolean): void {
    this.#times.pass(isQuiet && this.#random.chance(10) ? LONG : this.#random.int(300));
  }

  async strangerWrites(): Promise<Remains> {
    const { raw, sidecar } = this.#files;
    this.#times.now += LONG;
    await raw.content.write(new Uint8Array(GRANULE).fill(255), 0);
    this.#times.stamp();
    const left = [raw, sidecar].map(({ content }) => diskHolding(content, this.#random));
    const [drive, bitmaps] = await Promise.all(left);
    return this.#remains(drive!.cut(), bitmaps!.cut());
  }

  #remains(raw: Sectors, sidecar: Sectors, modified?: number): Remains {
    const { size } = raw;
    const facts = this.#times.facts(size, modified);
    const { now } = this.#times;
    const drive = { label: 'raw drive', size, facts: async () => facts };
    const bitmapFile = new SectorDevice(sidecar);
    const options = { drive, sidecar: bitmapFile, writable: false, now: () => now };
    return {
      bitmapFile,
      // Two disks make up a state.
      hash: (raw.hash * 31 + sidecar.hash) % 2 ** 53,
      open: async () => ({
        device: new SectorDevice(raw),
        store: await openSidecarStore(options),
      }),
    };
  }
}
