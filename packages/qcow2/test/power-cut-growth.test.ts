import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { createQcow2, type CreateQcow2Options, openQcow2, type Qcow2Image } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

type Step = (image: Qcow2Image) => Promise<void>;

/** What `step` writes to an image that holds ones in all of its first `filled` bytes. */
async function record(options: CreateQcow2Options, filled: number, step: Step) {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, options);
  // Opened on a device that stays open when the image is closed.
  const before = await openQcow2(new RecordingDevice(memory), { writable: true });
  await before.write(new Uint8Array(filled).fill(1), 0);
  await before.flush();
  const device = await RecordingDevice.startOn(memory);
  const image = await openQcow2(device, { writable: true });
  await step(image);
  await image.flush();
  return { device, image };
}

describe('after a power cut while an image outgrows its tables', () => {
  it('its refcount table is the old one or the new one', async () => {
    // A refcount table of one cluster counts 2 MiB of file.
    const options = { size: 4 * MIB, clusterSize: 512, refcountBits: 64 };
    const filled = 1900 * KIB;
    const { device, image } = await record(options, filled, async (grown) => {
      await grown.write(new Uint8Array(20 * KIB).fill(2), 2 * MIB);
      await grown.write(new Uint8Array(200 * KIB).fill(3), 3 * MIB);
    });
    expect(image.metadata.fileSize).toBeGreaterThan(2 * MIB);
    for await (const { bytes, name } of powerCuts(device, { seed: 1, torn: 1, every: 3 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const cut = await openQcow2(new TestDevice({ bytes, writable: false }));
      const content = new Uint8Array(filled);
      await cut.read(content, 0);
      expect({ name, lost: content.findIndex((byte) => byte !== 1) }).toEqual({ name, lost: -1 });
    }
  });

  it('its disk is of the old size or of the new one, with zeros in what is new', async () => {
    const options = { size: 40 * KIB + 512, clusterSize: 512, refcountBits: 16 };
    const { device, image } = await record(options, options.size, async (growing) => {
      await growing.write(Uint8Array.of(2), 0);
      await growing.resize(200 * KIB);
      await growing.write(new Uint8Array(3 * KIB).fill(3), 150 * KIB);
      await growing.resize(3 * MIB);
    });
    const sizes = new Set<number>();
    for await (const { bytes, name } of powerCuts(device, { seed: 2, torn: 2 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const cut = await openQcow2(new TestDevice({ bytes, writable: false }));
      sizes.add(cut.size);
      const content = await readAll(cut);
      const wrong = content.findIndex((byte, at) => !possible(at, options.size).includes(byte));
      expect({ name, wrong }).toEqual({ name, wrong: -1 });
    }
    expect([...sizes]).toEqual([options.size, 200 * KIB, 3 * MIB]);
    expect(image.size).toBe(3 * MIB);
  });

  it('shows zeros in what is new, where its backing file is longer', async () => {
    const backing = () =>
      new TestDevice({ bytes: new Uint8Array(64 * KIB).fill(8), writable: false });
    const options = { size: 20 * KIB, clusterSize: 4 * KIB, backing: { name: 'base' } };
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, options);
    const device = await RecordingDevice.startOn(memory);
    const openBacking = async () => backing();
    const image = await openQcow2(device, { writable: true, openBacking });
    await image.resize(60 * KIB);
    const sizes = new Set<number>();
    for await (const { bytes, name } of powerCuts(device, { seed: 3, torn: 3 })) {
      const cut = await openQcow2(new TestDevice({ bytes, writable: false }), { openBacking });
      sizes.add(cut.size);
      const content = await readAll(cut);
      const wrong = content.findIndex((byte, at) => byte !== (at < options.size ? 8 : 0));
      expect({ name, wrong }).toEqual({ name, wrong: -1 });
    }
    expect([...sizes]).toEqual([options.size, 60 * KIB]);
  });
});

function possible(at: number, oldSize: number): number[] {
  if (at === 0) return [1, 2];
  if (at < oldSize) return [1];
  return at >= 150 * KIB && at < 153 * KIB ? [0, 3] : [0];
}
