import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { CONTROL_EXTENSION } from '../src/control/spec.ts';
import { Autoclear, ExtensionType, HeaderV3 } from '../src/header/spec.ts';
import { bitmapOf, newBitmaps, openBitmaps, put, remove } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { controlOf, putWithControl } from './support/controls.ts';
import { addExtension, findExtension } from './support/header-edits.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const MIB = 1 << 20;
const bitmap = bitmapOf(MIB, { dirty: [[0, 1]] });
const at = HeaderV3.offsetOf;

const autoclearOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at.autoclearFeatures);
const isVouchedFor = (bytes: Uint8Array) => (autoclearOf(bytes) & Autoclear.control) !== 0n;
const extensionOf = (bytes: Uint8Array) => findExtension(bytes, CONTROL_EXTENSION)?.slice();

/** An image with a control extension, as a file. */
async function madeImage(clusterSize = 65_536) {
  const opened = await newBitmaps({ size: MIB, clusterSize });
  await putWithControl(opened, 'a', bitmap);
  return opened;
}

describe('an image with a control extension', () => {
  it('has it right behind the bitmaps, in sector 0, and finds it again', async () => {
    const { device, directory } = await madeImage();
    const { image } = await openBitmaps(device.bytes, { writable: false });
    expect(image.info.extensionTypes).toEqual([ExtensionType.bitmaps, CONTROL_EXTENSION]);
    expect(new DataView(device.bytes.buffer).getUint32(112 + 32)).toBe(CONTROL_EXTENSION);
    expect(image.metadata.control).toEqual({
      control: controlOf(directory.seal),
      sequence: 1n,
      slots: 8,
      isVouchedFor: true,
    });
  });

  it('changes it in the one write that changes the directory', async () => {
    const opened = await madeImage();
    const { log } = opened.device;
    log.length = 0;
    await putWithControl(opened, 'b', bitmap, { control: { leaseUntil: 5n } });
    const toCluster0 = log.filter(({ op, offset }) => op === 'write' && offset < 65_536);
    // The first one is for a takeover by QEMU alone.
    expect(toCluster0).toEqual([
      { op: 'write', offset: 512, length: 512 },
      { op: 'write', offset: 0, length: 512 },
    ]);
    expect(opened.image.metadata.control).toMatchObject({
      control: { leaseUntil: 5n, directory: opened.directory.seal },
      sequence: 2n,
    });
  });

  it('can have it changed alone, in one write that is durable', async () => {
    const { device, image, directory } = await madeImage();
    const before = device.bytes.slice();
    device.log.length = 0;
    await image.metadata.commitControl((now) => ({ ...now, leaseUntil: now.leaseUntil + 9n }));
    expect(device.log.filter(({ op }) => op === 'write')).toEqual([
      { op: 'write', offset: 512, length: 512 },
      { op: 'write', offset: 0, length: 512 },
    ]);
    expect(device.log.at(-1)?.op).toBe('flush');
    expect(image.metadata.control).toMatchObject({ control: { leaseUntil: 9n }, sequence: 2n });
    expect(isVouchedFor(device.bytes)).toBe(true);
    expect(device.bytes.slice(1024)).toEqual(before.slice(1024));
    // The directory is the one it was, so it can go on to be changed.
    await remove({ directory }, 'a');
  });

  it('keeps it byte for byte in every other change of the header', async () => {
    const { device, image, directory } = await madeImage(512);
    const before = extensionOf(device.bytes);
    // Grows the refcount table, so that the header names another one.
    for (let offset = 0; offset < MIB; offset += 65_536) {
      await image.write(new Uint8Array(65_536).fill(1), offset);
    }
    await image.flush();
    expect(extensionOf(device.bytes)).toEqual(before);
    expect(isVouchedFor(device.bytes)).toBe(true);
    await put({ directory }, 'b', bitmap);
    expect(extensionOf(device.bytes)).toEqual(before);
  });

  it('does not vouch for it after a change of bitmaps that did not write it', async () => {
    const opened = await madeImage();
    await put(opened, 'b', bitmap);
    expect(isVouchedFor(opened.device.bytes)).toBe(false);
    await putWithControl(opened, 'b', bitmap);
    expect(isVouchedFor(opened.device.bytes)).toBe(true);
  });

  it('does not vouch for it where all bitmaps are in use, and does again afterwards', async () => {
    const opened = await madeImage();
    await putWithControl(opened, 'a', bitmap, { inUse: true, control: { state: 'busy' } });
    expect(isVouchedFor(opened.device.bytes)).toBe(false);
    await opened.image.metadata.commitControl((now) => ({ ...now, leaseUntil: 1n }));
    expect(isVouchedFor(opened.device.bytes)).toBe(false);
    await putWithControl(opened, 'b', bitmap, { control: { state: 'busy' } });
    expect(isVouchedFor(opened.device.bytes)).toBe(true);
  });

  it('names the entries of live bitmaps that lie among the first, by their places', async () => {
    const { image, directory } = await newBitmaps({ size: MIB });
    const names = Array.from({ length: 40 }, (_, i) => `b${i}`);
    const isLive = (index: number) => index % 3 === 1;
    const entries = names.map((name, i) => {
      return { name, granularity: 65_536, enabled: true, inUse: isLive(i), live: isLive(i) };
    });
    const contents = new Map(names.map((name) => [name, bitmap]));
    await directory.replace(entries, contents, {
      control: ({ seal, liveEntries }) => controlOf(seal, { state: 'busy', liveEntries }),
    });
    const found = image.metadata.control;
    const liveEntries = [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31];
    expect(found).toMatchObject({ control: { liveEntries } });
    expect(directory.namesAt(liveEntries)).toEqual(liveEntries.map((index) => `b${index}`));
    expect(directory.namesAt([39, 40])).toEqual(['b39']);
  });

  it('reads bits that are in use by the word of who knows that they are valid', async () => {
    const opened = await madeImage();
    await putWithControl(opened, 'a', bitmap, { inUse: true });
    const again = await openBitmaps(opened.device.bytes);
    await expect(again.directory.readContent('a')).rejects.toThrow('nothing to read');
    again.directory.adopt('a');
    expect((await again.directory.readContent('a')).equals(bitmap)).toBe(true);
    expect((await openBitmaps(again.device.bytes)).directory.records).toMatchObject([
      { inUse: true },
    ]);
    await again.directory.replace(again.directory.records, new Map());
    expect((await openBitmaps(again.device.bytes)).directory.records).toMatchObject([
      { inUse: false },
    ]);
    expect(() => again.directory.adopt('b')).toThrow("nothing to adopt of bitmap 'b'");
  });

  it('says what is wrong with it, and still has its bitmaps', async () => {
    const { device } = await madeImage();
    const bytes = device.bytes.slice();
    bytes[112 + 32 + 8 + 60]! ^= 1;
    const opened = await openBitmaps(bytes);
    expect(opened.image.metadata.control).toEqual({
      problem: 'is damaged: its checksum is wrong',
    });
    expect(opened.directory.records).toMatchObject([{ name: 'a' }]);
    const twice = await openBitmaps(
      addExtension(device.bytes, CONTROL_EXTENSION, new Uint8Array(8)),
    );
    expect(twice.image.metadata.control).toEqual({ problem: 'is there twice' });
    await putWithControl(twice, 'a', bitmap);
    expect(twice.image.metadata.control).toMatchObject({ sequence: 1n });
  });

  it('goes without where there is no room for it, and changes its bitmaps all the same', async () => {
    const { device } = await newBitmaps({ size: MIB, clusterSize: 4096 });
    const view = new DataView(device.bytes.buffer);
    view.setUint32(at.headerLength, 352);
    const opened = await openBitmaps(device.bytes);
    expect(opened.image.metadata.hasRoomForControl).toBe(false);
    await putWithControl(opened, 'a', bitmap);
    expect(opened.image.metadata.control).toBeUndefined();
    expect(isVouchedFor(opened.device.bytes)).toBe(false);
    const again = await openBitmaps(opened.device.bytes);
    expect(again.directory.records).toMatchObject([{ name: 'a' }]);
    await again.image.metadata.commitControl(() => {
      throw new Error('there is nothing to change');
    });
  });

  it.each([512, 4096, 65_536])(
    'has a new one with the name of its backing file behind it, clusters of %i bytes',
    async (clusterSize) => {
      const device = new TestDevice();
      const backing = { name: 'base.raw', format: 'raw' };
      await createQcow2(device, { size: MIB, clusterSize, backing });
      const opened = await openBitmaps(device.bytes);
      await put(opened, 'a', bitmap);
      await putWithControl(opened, 'a', bitmap);
      const { image } = await openBitmaps(opened.device.bytes, { writable: false });
      expect(image.metadata.control).toMatchObject({ sequence: 1n });
      expect(image.info.backing).toEqual(backing);
      expect(checkImage(opened.device.bytes).corruptions).toEqual([]);
    },
  );
});

describe('after a power cut, a control extension', () => {
  it('is that of the directory that is in place, at every moment', async () => {
    const { device } = await madeImage(512);
    const recorder = await RecordingDevice.startOn(
      await copyToMemory(new TestDevice({ bytes: device.bytes })),
    );
    const image = await openQcow2(recorder, { writable: true });
    const directory = await BitmapDirectory.open({ image: image.metadata });
    const opened = { directory } as Parameters<typeof putWithControl>[0];
    await putWithControl(opened, 'a', bitmapOf(MIB, { granularity: 512, dirty: [[0, MIB]] }));
    await image.metadata.commitControl((now) => ({ ...now, leaseUntil: 9n }));
    await image.write(new Uint8Array(200_000).fill(1), 0);
    await putWithControl(opened, 'b', bitmap, { inUse: true, control: { state: 'busy' } });
    await image.close();
    const sequences = new Set<bigint>();
    for await (const { bytes, name } of powerCuts(recorder, { seed: 3, torn: 3 })) {
      const found = await openBitmaps(bytes, { writable: false });
      const { control } = found.image.metadata;
      expect({ name, control }).toMatchObject({
        control: { control: { directory: found.directory.seal } },
      });
      sequences.add((control as { sequence: bigint }).sequence);
    }
    expect([...sequences]).toEqual([1n, 2n, 3n, 4n]);
  });
});
