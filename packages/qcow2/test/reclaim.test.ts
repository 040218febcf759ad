import { describe, expect, it } from 'vitest';
import { bitmapOf, newBitmaps, openBitmaps, put, remove, setInUse } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';

const MIB = 1 << 20;
const CLUSTER = 4096;
const SOME = { granularity: 512, dirty: [[0, 1]] } as const;

/** Bitmaps of that name, of two clusters of data each at most, on a disk of 20 MiB. */
async function imageWith(...names: string[]) {
  const opened = await newBitmaps({ size: 20 * MIB, clusterSize: CLUSTER });
  for (const name of names) await put(opened, name, bitmapOf(20 * MIB, SOME));
  await opened.image.flush();
  return opened;
}

type Opened = Awaited<ReturnType<typeof imageWith>>;

/** Points the first entry of a bitmap's table to where `place` says. */
function redirect({ device, directory }: Opened, name: string, place: bigint, index = 0): void {
  const { tableOffset } = directory.records.find((record) => record.name === name)!;
  const { bytes } = device;
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(tableOffset + index * 8, place);
}

function dataOf({ device, directory }: Opened, name: string): bigint {
  const { tableOffset } = directory.records.find((record) => record.name === name)!;
  const { bytes } = device;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(tableOffset);
}

describe('the clusters of bitmaps that go', () => {
  it('are given back whole, and leave no leak', async () => {
    const opened = await imageWith('a', 'b', 'c');
    await put(opened, 'a', bitmapOf(20 * MIB, { granularity: 512, dirty: [[0, 20 * MIB]] }));
    await remove(opened, 'b');
    await opened.image.close();
    expect(checkImage(opened.device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
    const again = await openBitmaps(opened.device.bytes);
    await again.directory.replace([], new Map());
    await again.image.close();
    expect(checkImage(again.device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
    expect([...opened.notices, ...again.notices]).toEqual([]);
  });

  it('are given back when a change fails before its commit', async () => {
    const opened = await imageWith('a');
    opened.device.failNext = { op: 'write', error: new Error('bad sector') };
    await expect(put(opened, 'b', bitmapOf(20 * MIB, SOME))).rejects.toThrow('bad sector');
    expect(opened.directory.records.map(({ name }) => name)).toEqual(['a']);
    await put(opened, 'c', bitmapOf(20 * MIB, SOME));
    await opened.image.close();
    expect(checkImage(opened.device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
  });

  it('stay when two of them that go have one in common', async () => {
    const opened = await imageWith('a', 'b', 'kept');
    redirect(opened, 'a', dataOf(opened, 'b'));
    const kept = opened.directory.records.filter(({ name }) => name === 'kept');
    await opened.directory.replace(kept, new Map());
    await opened.image.close();
    expect(opened.notices).toEqual([
      expect.stringContaining("'a' was not given back: some of its clusters are in use twice"),
      expect.stringContaining("'b' was not given back: some of its clusters are in use twice"),
    ]);
    expect(checkImage(opened.device.bytes).corruptions).toEqual([]);
  });

  it('stay when one of them is named twice', async () => {
    const opened = await imageWith('a');
    redirect(opened, 'a', dataOf(opened, 'a'), 1);
    await remove(opened, 'a');
    await opened.image.close();
    expect(opened.notices).toEqual([expect.stringContaining('in use twice')]);
    expect(checkImage(opened.device.bytes).corruptions).toEqual([]);
  });

  it('stay when one of them is the table of another bitmap, or the directory', async () => {
    for (const whose of ['table', 'directory'] as const) {
      const opened = await imageWith('a', 'kept');
      await put(opened, 'a', bitmapOf(20 * MIB, SOME));
      const { records } = opened.directory;
      const table = records.find(({ name }) => name === 'kept')!.tableOffset;
      // The present one: it is given back, too, when 'a' goes, and not twice.
      const { directoryOffset } = opened.image.metadata.bitmaps!;
      redirect(opened, 'a', BigInt(whose === 'table' ? table : directoryOffset));
      await remove(opened, 'a');
      await opened.image.close();
      expect(opened.notices).toEqual([expect.stringContaining('belong to another bitmap')]);
      const again = await openBitmaps(opened.device.bytes, { writable: false });
      expect((await again.directory.readContent('kept')).count).toBe(1);
      expect(checkImage(opened.device.bytes).corruptions).toEqual([]);
    }
  });

  it('stay when a bitmap that was in use names data of one that stays', async () => {
    const opened = await imageWith('crashed', 'kept');
    redirect(opened, 'crashed', dataOf(opened, 'kept'));
    await setInUse(opened, 'crashed');
    const again = await openBitmaps(opened.device.bytes);
    await remove(again, 'crashed');
    await again.image.close();
    expect(again.notices).toEqual([expect.stringContaining('belong to another bitmap')]);
    const kept = await openBitmaps(again.device.bytes, { writable: false });
    expect((await kept.directory.readContent('kept')).count).toBe(1);
    expect(checkImage(again.device.bytes).corruptions).toEqual([]);
  });

  it('are not asked for when somebody else has changed the bitmaps', async () => {
    const opened = await imageWith('a');
    await opened.image.metadata.commitBitmaps(opened.image.metadata.bitmaps);
    expect(opened.image.metadata.bitmaps).toBeDefined();
    const other = { ...opened.image.metadata.bitmaps! };
    await opened.image.metadata.commitBitmaps(other);
    const change = remove(opened, 'a');
    await expect(change).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
