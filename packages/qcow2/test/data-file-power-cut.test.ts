import { MemoryDevice } from '@tidemark/block';
import { powerCut, RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { GuestLog } from './support/guest-log.ts';
import { readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';
import { randomOf } from './support/workload.ts';

const KIB = 1024;

/** Knows, for each of its events, how many another device had before. */
class RecordingBeside extends RecordingDevice {
  readonly #other: RecordingDevice;
  readonly #others: number[] = [];

  constructor(inner: MemoryDevice, base: MemoryDevice, other: RecordingDevice) {
    super(inner, { base });
    this.#other = other;
  }

  /** Events of the other device that were issued before this one had more than `count`. */
  othersAt(count: number): number {
    return this.#others[count] ?? this.#other.events.length;
  }

  #stamp(): void {
    for (let i = this.#others.length; i <= this.events.length; i++) {
      this.#others.push(this.#other.events.length);
    }
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.#stamp();
    await super.write(source, offset);
  }

  override writeNow(source: Uint8Array, offset: number): boolean {
    this.#stamp();
    return super.writeNow(source, offset);
  }

  override async resize(size: number): Promise<void> {
    this.#stamp();
    await super.resize(size);
  }

  override async flush(): Promise<void> {
    await super.flush();
    this.#stamp();
  }
}

async function newDisk(): Promise<MemoryDevice> {
  return new MemoryDevice({ size: 0 });
}

describe('after a power cut of an image and its data file', () => {
  it.each([
    { clusterSize: 512, raw: false },
    { clusterSize: 4 * KIB, raw: true },
    { clusterSize: 16 * KIB, raw: false, extendedL2: true },
  ])('both are sound and hold what was flushed: %j', async ({ raw, ...options }) => {
    const size = 60 * KIB;
    const [imageDisk, dataDisk] = [await newDisk(), await newDisk()];
    await dataDisk.resize(size);
    await createQcow2(imageDisk, { size, ...options, dataFile: { name: 'data', raw } });
    const data = await RecordingDevice.startOn(dataDisk);
    const { base } = await RecordingDevice.startOn(imageDisk);
    const device = new RecordingBeside(imageDisk, base, data);
    const image = await openQcow2(device, { writable: true, openDataFile: async () => data });
    const guest = new GuestLog(image, device, 3);
    await guest.run(30);
    await image.close();

    const random = randomOf(5);
    for await (const { bytes, count, name } of powerCuts(device, { seed: 1, torn: 2 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const issued = data.events.slice(0, device.othersAt(count));
      const flushed = issued.filter(({ op }) => op !== 'flush').length === 0;
      const cut = await powerCut(data.base, issued, () => flushed || random(2) === 0);
      const openDataFile = async () => cut;
      const read = await openQcow2(new TestDevice({ bytes, writable: false }), { openDataFile });
      expect({ name, lost: guest.lostAt(count, await readAll(read)) }).toEqual({ name, lost: [] });
    }
  });
});
