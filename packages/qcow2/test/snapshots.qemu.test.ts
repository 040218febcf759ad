import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openQcow2 } from '../src/index.ts';
import { HeaderV3, SnapshotEntry } from '../src/header/spec.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { convertToQcow2, qemuIo } from './support/qemu-images.ts';
import { runWorkload } from './support/workload.ts';

const KIB = 1024;
const SIZE = 300 * KIB;

describeWithQemu('an image with an internal snapshot', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  /** Content, a snapshot of it, and more content. */
  async function imageWithSnapshot(options: string, compress = false) {
    const before = Uint8Array.from({ length: SIZE }, (_, i) => (i >> 10) % 7);
    const image = { dir, name: 'snapshot', content: before, options, compress };
    const path = await convertToQcow2(image);
    await run('qemu-img', 'snapshot', '-c', 'first', path);
    await qemuIo(path, 'write -P 90 10k 20k', 'write -z 60k 64k');
    const now = before
      .slice()
      .fill(90, 10 * KIB, 30 * KIB)
      .fill(0, 60 * KIB, 124 * KIB);
    return { path, before, now };
  }

  async function contentOfSnapshot(path: string): Promise<Uint8Array> {
    const copy = `${path}.first`;
    await run('qemu-img', 'convert', '-l', 'snapshot.name=first', '-O', 'qcow2', path, copy);
    return qemuContent(copy);
  }

  it.each([
    ['cluster_size=512,refcount_bits=2', false],
    ['cluster_size=4k,compat=0.10', false],
    ['cluster_size=4k,refcount_bits=64', false],
    ['cluster_size=64k', false],
    ['cluster_size=512', true],
    ['cluster_size=4k,compression_type=zstd', true],
  ])('keeps what the snapshot shows when the disk changes: %s, compressed %s', async (...kind) => {
    const { path, before, now } = await imageWithSnapshot(...kind);
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    expectSame(await readAll(image), now);
    const workload = { seed: 3, steps: 60, model: now, longest: 20 * KIB };
    await runWorkload(image, { ...workload, discardReads: 'zeros' });
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), now);
    expectSame(await contentOfSnapshot(path), before);
    // Its clusters are given back by QEMU, and none of ours.
    await run('qemu-img', 'snapshot', '-d', 'first', path);
    await expectClean(path);
    expectSame(await qemuContent(path), now);
  });

  it.each(['cluster_size=4k', 'compat=0.10'])('lists it as QEMU does: %s', async (options) => {
    const { path } = await imageWithSnapshot(options);
    await run('qemu-img', 'snapshot', '-c', 'zweiter, größer', path);
    const info: unknown = JSON.parse(await run('qemu-img', 'info', '--output=json', path));
    const image = await openQcow2(loadDevice(path));
    const found = await image.snapshots();
    const like = found.map(({ id, name, seconds, nanoseconds, runTime, stateSize }) => ({
      id,
      name,
      'date-sec': seconds,
      'date-nsec': nanoseconds,
      'vm-clock-sec': Number(runTime / 10n ** 9n),
      'vm-clock-nsec': Number(runTime % 10n ** 9n),
      'vm-state-size': Number(stateSize),
    }));
    expect(Object(info).snapshots).toMatchObject(like);
    expect(found.map(({ name }) => name)).toEqual(['first', 'zweiter, größer']);
    expect(found.map(({ virtualSize }) => virtualSize)).toEqual([BigInt(SIZE), BigInt(SIZE)]);
    expect(found.map(({ instructions }) => instructions)).toEqual([0n, 0n]);
  });

  it('can be gone back to after we have written to the disk', async () => {
    const { path, before } = await imageWithSnapshot('cluster_size=4k');
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    await image.write(new Uint8Array(200 * KIB).fill(3), 5 * KIB);
    await image.close();
    save(device, path);
    await run('qemu-img', 'snapshot', '-a', 'first', path);
    await expectClean(path);
    expectSame(await readAll(await openQcow2(loadDevice(path))), before);
  });

  it('is read at the size that it had when it was made, after it has grown', async () => {
    const { path, before, now } = await imageWithSnapshot('cluster_size=512');
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    await image.resize(2 * SIZE);
    await image.write(new Uint8Array(KIB).fill(3), 2 * SIZE - KIB);
    await image.close();
    save(device, path);
    await expectClean(path);
    const grown = new Uint8Array(2 * SIZE).fill(3, 2 * SIZE - KIB);
    grown.set(now);
    expectSame(await qemuContent(path), grown);
    expectSame((await contentOfSnapshot(path)).subarray(0, SIZE), before);
  });

  it('of version 2 does not grow', async () => {
    const { path } = await imageWithSnapshot('cluster_size=4k,compat=0.10');
    const image = await openQcow2(loadDevice(path), { writable: true });
    await expect(image.resize(2 * SIZE)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });

  it.each(['the snapshot table', "the snapshot's L1 table"])(
    'does not let a wrong mapping overwrite %s',
    async (what) => {
      const { path } = await imageWithSnapshot('cluster_size=4k');
      const device = loadDevice(path);
      const view = new DataView(device.bytes.buffer);
      const table = Number(view.getBigUint64(HeaderV3.offsetOf.snapshotsOffset));
      const { l1Offset } = SnapshotEntry.decode(device.bytes, table);
      const host = what === 'the snapshot table' ? BigInt(table) : l1Offset;
      const l1 = Number(view.getBigUint64(HeaderV3.offsetOf.l1TableOffset));
      const l2 = Number(view.getBigUint64(l1) & 0x00ff_ffff_ffff_fe00n);
      view.setBigUint64(l2, (1n << 63n) | host);
      const before = device.bytes.slice();
      const image = await openQcow2(device, { writable: true });
      const write = image.write(new Uint8Array(10), 0);
      await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
      expect(Buffer.compare(device.bytes, before)).toBe(0);
    },
  );

  it.each<[string, (view: DataView, table: number) => void]>([
    ['an L1 table behind the file', (view, table) => view.setBigUint64(table, 1n << 40n)],
    ['an L1 table inside a cluster', (view, table) => view.setBigUint64(table, 512n)],
    ['an enormous L1 table', (view, table) => view.setUint32(table + 8, 0xffff_ffff)],
    ['an entry without end', (view, table) => view.setUint32(table + 36, 0xffff_ffff)],
    ['more entries than the table has', (view) => view.setUint32(60, 65_536)],
  ])('is not written when its table is wrong: %s', async (_, change) => {
    const { path } = await imageWithSnapshot('cluster_size=4k');
    const device = loadDevice(path);
    const view = new DataView(device.bytes.buffer);
    change(view, Number(view.getBigUint64(HeaderV3.offsetOf.snapshotsOffset)));
    const before = device.bytes.slice();
    const image = await openQcow2(device, { writable: true });
    const write = image.write(new Uint8Array(10), 0);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    expect(Buffer.compare(device.bytes, before)).toBe(0);
  });
});
