import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { BitmapLog, knownOf } from './support/bitmap-log.ts';
import { bitmapOf, newBitmaps, openBitmaps, put, remove } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const SIZE = 512 * 1024;
const SOME = bitmapOf(SIZE, { granularity: 512, dirty: [[0, 9000]] });

async function recordedChanges() {
  const empty = new TestDevice({ bytes: new Uint8Array(0) });
  await createQcow2(empty, { size: SIZE, clusterSize: 512 });
  const device = await RecordingDevice.startOn(await copyToMemory(empty));
  const image = await openQcow2(device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const log = new BitmapLog(device, await knownOf(directory));
  await log.step(directory, () => put({ directory }, 'a', SOME));
  await log.step(directory, () => put({ directory }, 'b', bitmapOf(SIZE)));
  await log.step(directory, () => put({ directory }, 'a', bitmapOf(SIZE, { granularity: 512 })));
  await log.step(directory, () => remove({ directory }, 'b'));
  await image.close();
  return device;
}

describe('what a crash has left allocated in an image for bitmaps alone', () => {
  it('is given back, and nothing else is', async () => {
    let given = 0;
    for await (const cut of powerCuts(await recordedChanges(), { seed: 3, torn: 3 })) {
      const { leaks } = checkImage(cut.bytes);
      const { image, directory, device } = await openBitmaps(cut.bytes);
      const before = await knownOf(directory);
      expect({ cut: cut.name, count: await directory.reclaimLeaks() }).toEqual({
        cut: cut.name,
        count: leaks,
      });
      given += leaks;
      await put({ directory }, 'new', SOME);
      await remove({ directory }, 'new');
      await image.close();
      const found = checkImage(device.bytes);
      expect({ cut: cut.name, ...found }).toEqual({
        cut: cut.name,
        corruptions: [],
        leaks: 0,
        behindEnd: 0,
      });
      expect(await knownOf((await openBitmaps(device.bytes)).directory)).toEqual(before);
    }
    expect(given).toBeGreaterThan(20);
  });

  it('stays where the image holds guest data, whose clusters are not looked at', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 512 });
    await put(opened, 'a', SOME);
    await opened.image.write(new Uint8Array(512).fill(1), 0);
    await opened.image.flush();
    expect(await opened.directory.reclaimLeaks()).toBe(0);
    await opened.image.close();
    expect(checkImage(opened.device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
  });

  it('stays where a bitmap cannot be followed', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 512 });
    await put(opened, 'a', SOME);
    await put(opened, 'b', SOME);
    await opened.image.close();
    const [a] = opened.directory.records;
    const { bytes } = opened.device;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(a!.tableOffset, 1n << 40n);
    const again = await openBitmaps(bytes);
    expect(await again.directory.reclaimLeaks()).toBe(0);
  });
});
