import { MemoryDevice } from '@tidemark/block';
import { FaultDevice, RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { newImage, readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;

/** Holds the reads of data until they are let go. */
class SlowReads extends FaultDevice {
  isHolding = false;
  #release = () => {};

  override async read(target: Uint8Array, offset: number): Promise<void> {
    if (this.isHolding) await new Promise<void>((resolve) => (this.#release = resolve));
    await super.read(target, offset);
  }

  release(): void {
    this.isHolding = false;
    this.#release();
  }
}

/** As many turns of the event loop as all that could run without the device would take. */
async function idleTurns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a cluster that is used again', () => {
  it('is not overwritten while somebody still reads what was in it', async () => {
    const { device } = await newImage({ size: 1024 * KIB });
    const slow = new SlowReads(device);
    const image = await openQcow2(slow, { writable: true });
    await image.write(new Uint8Array(64 * KIB).fill(1), 0);
    await image.flush();
    const { fileSize } = image.metadata;

    slow.isHolding = true;
    const content = new Uint8Array(64 * KIB);
    const read = image.read(content, 0);
    await image.discard(0, 64 * KIB);
    const flush = image.flush();
    const write = flush.then(() => image.write(new Uint8Array(64 * KIB).fill(2), 64 * KIB));
    await idleTurns();
    slow.release();
    await Promise.all([read, flush, write]);
    expect([content[0], content[64 * KIB - 1]]).toEqual([1, 1]);
    // The very same cluster was used.
    expect(image.metadata.fileSize).toBe(fileSize);
    await image.read(content, 64 * KIB);
    expect(content[0]).toBe(2);
  });

  it('shows nothing of what was in it after a power cut, as data or as a table', async () => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size: 400 * KIB, clusterSize: 512, refcountBits: 8 });
    // Bytes that are wrong in any table, in all clusters that are going to be used.
    const before = await openQcow2(new RecordingDevice(memory), { writable: true });
    await before.write(new Uint8Array(64 * KIB).fill(0xee), 0);
    await before.flush();
    await before.discard(0, 64 * KIB);
    await before.flush();
    await before.flush();

    const device = await RecordingDevice.startOn(memory);
    const image = await openQcow2(device, { writable: true });
    for (let at = 96; at < 400; at += 33) {
      await image.write(new Uint8Array(3 * KIB).fill(5), at * KIB);
      if (at % 2 === 0) await image.flush();
    }
    await image.flush();
    for await (const { bytes, name } of powerCuts(device, { seed: 4, torn: 4 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const cut = await openQcow2(new TestDevice({ bytes, writable: false }));
      const wrong = (await readAll(cut)).findIndex((byte) => byte !== 0 && byte !== 5);
      expect({ name, wrong }).toEqual({ name, wrong: -1 });
    }
  });
});
