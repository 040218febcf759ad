import { RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import {
  bitmapOf,
  contentsOf,
  newDataFileImage,
  put,
  rangesOf,
  type Stored,
} from './support/data-files.ts';
import { newImage } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const SIZE = 160 * 512;
const NAME = 'drive.raw';
const BITMAPS: readonly Stored[] = [
  { name: 'a', content: bitmapOf(SIZE, [1]) },
  { name: 'b', content: bitmapOf(SIZE, []) },
];

const CASES = [
  { from: 512, to: 1024, dataFile: { name: NAME } },
  { from: 1024, to: 512, dataFile: { name: NAME } },
  { from: 512, to: 1024, dataFile: undefined },
  { from: 1024, to: 512, dataFile: undefined },
];

/** All that is written while an image with bitmaps becomes one of the other kind, and the result. */
async function record({ from, to, dataFile }: (typeof CASES)[number]) {
  const device = new TestDevice();
  if (dataFile === undefined) {
    await newDataFileImage(device, { size: SIZE, name: NAME, clusterSize: from });
  } else await createQcow2(device, { size: SIZE, clusterSize: from });
  const options = { writable: true, allowDataFile: true };
  const image = await openQcow2(device, options);
  await put(image.metadata, BITMAPS);
  await image.close();
  const recorder = await RecordingDevice.startOn(device);
  const again = await openQcow2(recorder, options);
  await again.replace({ clusterSize: to, dataFile }, (draft) => put(draft, BITMAPS));
  await again.close();
  return { recorder, device };
}

describe('putting another image in the place of one', () => {
  it.each(CASES)('leaves the old one or the new one in a power cut: %j', async (options) => {
    const { recorder } = await record(options);
    const seen = new Set<string>();
    for await (const { bytes, name } of powerCuts(recorder, { seed: 3, torn: 4 })) {
      expect({ name, ...checkImage(bytes) }).toMatchObject({ name, corruptions: [] });
      const image = await openQcow2(new TestDevice({ bytes, writable: false }), {
        allowDataFile: true,
      });
      expect({ name, bitmaps: await contentsOf(image) }).toEqual({ name, bitmaps: BITMAPS });
      const map = image.dataMap;
      expect(map === undefined ? [] : await rangesOf(map)).toEqual([]);
      expect(image.info.clusterSize).toBe(
        (map !== undefined) === (options.dataFile !== undefined) ? options.to : options.from,
      );
      seen.add(map === undefined ? 'plain' : 'data file');
    }
    expect(seen.size).toBe(2);
  });

  it.each(CASES)('leaks nothing: %j', async (options) => {
    const { device } = await record(options);
    expect(checkImage(device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
  });

  it('leaves the old one when the new one cannot be filled', async () => {
    const { device, image } = await newImage({ size: SIZE, clusterSize: 512 });
    await put(image.metadata, BITMAPS);
    const failed = image.replace({ clusterSize: 1024, dataFile: undefined }, async (draft) => {
      device.failNext = { op: 'write', error: new Error('broken') };
      await put(draft, BITMAPS);
    });
    await expect(failed).rejects.toThrow('broken');
    await image.close();
    const again = await openQcow2(device);
    expect(again.info.clusterSize).toBe(512);
    expect(await contentsOf(again)).toEqual(BITMAPS);
  });

  it('is refused for images that hold more than their bitmaps', async () => {
    const { device } = await newImage({ size: SIZE, version: 2 });
    const image = await openQcow2(device, { writable: true });
    const refused = image.replace({ clusterSize: 1024, dataFile: undefined }, async () => {});
    await expect(refused).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });
});
