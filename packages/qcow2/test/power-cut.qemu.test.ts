import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { createQcow2, type CreateQcow2Options, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { GuestLog } from './support/guest-log.ts';
import { qemuContent, readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { verdict } from './support/qemu-images.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;

async function recordWorkload(options: CreateQcow2Options, seed: number) {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, options);
  const device = await RecordingDevice.startOn(memory);
  const image = await openQcow2(device, { writable: true });
  const guest = new GuestLog(image, device, seed);
  await guest.run(30);
  await image.close();
  return { device, guest };
}

const KINDS = [
  { clusterSize: 512, refcountBits: 64, size: 200 * KIB },
  { clusterSize: 512, refcountBits: 16, size: 64 * KIB },
  { clusterSize: 4 * KIB, refcountBits: 8, size: 300 * KIB },
];

describe('after a power cut at any place, whatever unflushed writes survived', () => {
  it.each(KINDS)('an image is sound and holds what was flushed: %j', async (options) => {
    for (const seed of [1, 2]) {
      const { device, guest } = await recordWorkload(options, seed);
      for await (const { bytes, count, name } of powerCuts(device, { seed, torn: 3 })) {
        expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
        const image = await openQcow2(new TestDevice({ bytes, writable: false }));
        expect({ name, lost: guest.lostAt(count, await readAll(image)) }).toEqual({
          name,
          lost: [],
        });
      }
    }
  });
});

describeWithQemu('after a power cut, for QEMU', ['qemu-img'], () => {
  const dir = tempDir();

  it.each(KINDS)('an image is sound and holds what was flushed: %j', async (options) => {
    const path = join(dir, 'cut.qcow2');
    const seed = options.clusterSize;
    const { device, guest } = await recordWorkload(options, seed);
    let seen = 0;
    for await (const { bytes, count, name } of powerCuts(device, { seed, torn: 1 })) {
      if (seen++ % 6 > 0) continue;
      writeFileSync(path, bytes);
      expect({ name, ...(await verdict(path)) }).toEqual({ name, corruptions: 0 });
      const lost = guest.lostAt(count, await qemuContent(path));
      expect({ name, lost }).toEqual({ name, lost: [] });
    }
  });
});
