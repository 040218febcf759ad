import { MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice, RecordingDevice } from '@tidemark/block/testing';
import { type DirectoryEntry, isUnchanged } from '@tidemark/core';
import { expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { bitmapOf, openBitmaps, put } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';

const CLUSTER = 512;
/** Two clusters of bits, at 512 bytes to a bit. */
const SIZE = 2 * CLUSTER * 8 * 512;
const SHAPE = { granularity: 512, dirty: [[0, SIZE - 512]] } as const;

/** An image with the live bitmap 'a', on a file that goes wrong as planned. */
async function liveImage(faults: readonly Fault[] = []) {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: CLUSTER, refcountBits: 8 });
  const device = await RecordingDevice.startOn(new FaultDevice(file, faults));
  const image = await openQcow2(device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  await put({ directory }, 'a', bitmapOf(SIZE, SHAPE));
  const live = await directory.openLive('a');
  const changeCount = () => device.events.filter(({ op }) => op !== 'flush').length;
  const writeCount = () => device.events.filter(({ op }) => op === 'write').length;
  return { image, directory, live, device, changeCount, writeCount, bytes: bytesOf(file) };
}

function entriesOf({ records }: BitmapDirectory): readonly DirectoryEntry[] {
  return records.map(({ name, granularity, enabled, inUse }) => ({
    name,
    granularity,
    enabled,
    inUse,
  }));
}

/** A file that can be read when the image on it is closed. */
function bytesOf(file: MemoryDevice): () => Promise<Uint8Array> {
  file.close = async () => {};
  return async () => {
    const bytes = new Uint8Array(file.size);
    await file.read(bytes, 0);
    return bytes;
  };
}

it('gives back what a change had taken that could not be made, wherever it failed', async () => {
  const sound = await liveImage();
  const first = sound.changeCount();
  await put(sound, 'a', bitmapOf(SIZE, { granularity: 512 }));
  // The last one is the commit point.
  const count = sound.changeCount() - first - 1;
  expect(count).toBeGreaterThan(1);

  for (let nth = first; nth < first + count; nth++) {
    const opened = await liveImage([{ kind: 'fail', on: 'change', nth, code: 'NO_SPACE' }]);
    const { image, live, directory, bytes } = opened;
    const clear = () => put(opened, 'a', bitmapOf(SIZE, { granularity: 512 }));
    const error = await clear().catch((thrown: unknown) => thrown);
    expect({ nth, isUnchanged: isUnchanged(error) }).toEqual({ nth, isUnchanged: true });
    await live.write(new Uint8Array(CLUSTER).fill(255), CLUSTER);
    expect((await directory.readContent('a')).dirtyBytes).toBe(SIZE);
    await clear();
    await expect(live.write(new Uint8Array(CLUSTER), 0)).rejects.toThrow('other clusters');
    await image.close();
    expect({ nth, ...checkImage(await bytes()) }).toEqual({
      nth,
      corruptions: [],
      leaks: 0,
      behindEnd: 0,
    });
  }
});

it('leaves one write of sector 0 and a flush to the second half of a change', async () => {
  const { image, directory, live, device, bytes } = await liveImage();
  const clear = bitmapOf(SIZE, { granularity: 512 });
  const prepared = await directory.prepare(entriesOf(directory), new Map([['a', clear]]));
  expect(device.events.at(-1)?.op).toBe('flush');
  const before = device.events.length;
  await prepared.commit();
  const written = device.events.slice(before).filter(({ op }) => op !== 'flush');
  expect(written).toMatchObject([{ op: 'write', offset: 0, bytes: { length: 512 } }]);
  expect(device.events.at(-1)?.op).toBe('flush');
  await expect(live.write(new Uint8Array(CLUSTER), 0)).rejects.toThrow('other clusters');
  expect((await directory.readContent('a')).dirtyBytes).toBe(0);
  await image.close();
  expect(checkImage(await bytes())).toMatchObject({ corruptions: [], leaks: 0 });
});

it('gives back what was prepared and is given up, and takes bits meanwhile', async () => {
  const { image, directory, live, bytes } = await liveImage();
  const clear = bitmapOf(SIZE, { granularity: 512 });
  const prepared = await directory.prepare(entriesOf(directory), new Map([['a', clear]]));
  await live.write(new Uint8Array(CLUSTER).fill(255), CLUSTER);
  await prepared.abort();
  await live.write(new Uint8Array(CLUSTER).fill(255), 0);
  expect((await directory.readContent('a')).dirtyBytes).toBe(SIZE);
  await image.close();
  expect(checkImage(await bytes())).toMatchObject({ corruptions: [], leaks: 0 });
});

it('gives nothing back of a change that may have been made, for the guest to overwrite', async () => {
  const sound = await liveImage();
  await put(sound, 'a', bitmapOf(SIZE, { granularity: 512, dirty: [[1024, 1]] }));
  const commit = sound.writeCount() - 1;
  // Written whole, and answered with a failure.
  const fault = { kind: 'tear', nth: commit, keeps: () => true } as const;
  const opened = await liveImage([fault]);
  const clear = put(opened, 'a', bitmapOf(SIZE, { granularity: 512, dirty: [[1024, 1]] }));
  const error = await clear.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'IO_FAILED' });
  expect(isUnchanged(error)).toBe(false);
  for (let cluster = 0; cluster < 16; cluster++) {
    await opened.image.write(new Uint8Array(CLUSTER).fill(cluster + 1), cluster * CLUSTER);
    await opened.image.flush();
  }
  await opened.image.close();
  const bytes = await opened.bytes();
  expect(checkImage(bytes).corruptions).toEqual([]);
  const { directory } = await openBitmaps(bytes);
  const found = await directory.readContent('a');
  expect([...found.dirtyExtents()]).toEqual([{ offset: 1024, length: 512, dirty: true }]);
});
