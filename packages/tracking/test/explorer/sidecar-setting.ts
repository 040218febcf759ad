import { MemoryDevice } from '@tidemark/block';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import { type CrashDisk, diskHolding } from './crash-disk.ts';
import { FileTimes } from './file-times.ts';
import type { Random } from './random.ts';
import { GRANULE, GRANULES, type Remains, type Setting, unclosed } from './setting.ts';

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
  readonly losesIdle = true;
  readonly #random: Random;
  readonly #times = new FileTimes();
  #files: Files;

  constructor(random: Random, files: Files) {
    this.#random = random;
    this.#files = files;
  }

  async open() {
    const raw = this.#files.raw.disk.session();
    const sidecar = this.#files.sidecar.disk.session();
    const device = this.#times.of(raw.device);
    const now = () => this.#times.now;
    const later = (work: () => void, time: number) => this.#times.later(work, time);
    const options = { drive: device, sidecar: sidecar.device, writesDrive: true, now, later };
    return {
      device,
      store: await openSidecarStore(options),
      kill: async () => void (await Promise.all([raw.kill(), sidecar.kill()])),
    };
  }

  async cut(): Promise<Remains> {
    const { raw, sidecar } = this.#files;
    const modified = this.#times.afterCut(this.#random);
    return this.#remains(await raw.disk.cut(), await sidecar.disk.cut(), modified);
  }

  async powerFails(): Promise<void> {
    const { raw, sidecar } = this.#files;
    this.#times.set(this.#times.afterCut(this.#random));
    this.#files = {
      raw: await onDisk(await raw.disk.cut(), this.#random),
      sidecar: await onDisk(await sidecar.disk.cut(), this.#random),
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
    return this.#remains(raw.content, sidecar.content);
  }

  #remains(raw: MemoryDevice, sidecar: MemoryDevice, modified?: number): Remains {
    const facts = this.#times.facts(SIZE, modified);
    const { now } = this.#times;
    const drive = { label: 'raw drive', size: SIZE, facts: async () => facts };
    const options = { drive, sidecar: unclosed(sidecar), writable: false, now: () => now };
    return {
      bitmapFile: sidecar,
      open: async () => ({ device: raw, store: await openSidecarStore(options) }),
    };
  }
}
