import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import { expectSame, newImage } from './support/images.ts';

const KIB = 1024;

/** Counts the calls that are under way at a time. */
class PeakDevice extends FaultDevice {
  #running = 0;
  peak = 0;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#count(() => super.read(target, offset));
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#count(() => super.write(source, offset));
  }

  async #count(call: () => Promise<void>): Promise<void> {
    this.#running++;
    this.peak = Math.max(this.peak, this.#running);
    await call().finally(() => this.#running--);
  }
}

/** No two neighbours of the disk are neighbours in the file. */
async function fragmentedImage() {
  const { device, image } = await newImage({ size: 256 * KIB, clusterSize: 512 });
  const content = Uint8Array.from({ length: 256 * KIB }, (_, i) => (i >> 9) % 251);
  for (let at = content.length - 512; at >= 0; at -= 512) {
    await image.write(content.subarray(at, at + 512), at);
  }
  await image.close();
  const peak = new PeakDevice(device);
  return { peak, image: await openQcow2(peak, { writable: true }), content };
}

describe('a call that spans many clusters', () => {
  it('reads a bounded number of them at a time', async () => {
    const { peak, image, content } = await fragmentedImage();
    const found = new Uint8Array(content.length);
    await image.read(found, 0);
    expectSame(found, content);
    expect(peak.peak).toBeGreaterThan(8);
    expect(peak.peak).toBeLessThanOrEqual(32);
  });

  it('writes a bounded number of them at a time', async () => {
    const { peak, image, content } = await fragmentedImage();
    content.reverse();
    peak.peak = 0;
    await image.write(content, 0);
    expect(peak.peak).toBeGreaterThan(8);
    expect(peak.peak).toBeLessThanOrEqual(32);
    const found = new Uint8Array(content.length);
    await image.read(found, 0);
    expectSame(found, content);
  });
});
