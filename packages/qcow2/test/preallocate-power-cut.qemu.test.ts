import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { copyToMemory, RecordingDevice, replay } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openQcow2 } from '../src/index.ts';
import type { Preallocation } from '../src/io/preallocator.ts';
import { expectClean, expectSame, loadDevice, qemuContent, readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { qemuIo, verdict } from './support/qemu-images.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
/** Within a cluster. */
const SIZE = 90 * KIB + 512;
/** Small clusters need a larger L1 table for it. */
const GROWN = 700 * KIB + 512;

interface Kind {
  readonly options: string;
  readonly how: Preallocation;
  /** Bytes of a backing file that is full. */
  readonly backing?: number;
  readonly snapshot?: boolean;
}

const LONGER = 303 * KIB + 512;
const KINDS: readonly Kind[] = [
  { options: 'cluster_size=1k', how: 'metadata' },
  { options: 'cluster_size=1k,compat=0.10', how: 'falloc' },
  { options: 'cluster_size=1k', how: 'full' },
  { options: 'cluster_size=16k,extended_l2=on', how: 'metadata' },
  { options: 'cluster_size=16k,extended_l2=on', how: 'metadata', backing: LONGER },
  { options: 'cluster_size=4k', how: 'falloc', backing: LONGER },
  { options: 'cluster_size=4k', how: 'metadata', backing: 50 * KIB + 512 },
  { options: 'cluster_size=1k', how: 'metadata', snapshot: true },
];

describeWithQemu(
  'after a power cut while what is added gets places',
  ['qemu-img', 'qemu-io'],
  () => {
    const dir = tempDir();
    const [path, below, cut] = ['image.qcow2', 'below.raw', 'cut.qcow2'].map((name) =>
      join(dir, name),
    );
    const openBacking = async (): Promise<BlockDevice> => loadDevice(below!);

    async function create({ options, backing, snapshot = false }: Kind): Promise<void> {
      const behind = backing === undefined ? [] : ['-b', below!, '-F', 'raw'];
      writeFileSync(below!, new Uint8Array(backing ?? 0).fill(8));
      const words = ['create', '-q', '-f', 'qcow2', '-o', options, ...behind, path!, `${SIZE}`];
      await run('qemu-img', ...words);
      await qemuIo(path!, 'write -P 7 0 40k', 'write -P 9 89k 1k');
      if (snapshot) await run('qemu-img', 'snapshot', '-c', 'first', path!);
      // Of the image alone, and dropped before it grows.
      await qemuIo(path!, 'write -P 6 0 64k');
    }

    async function snapshotOf(image: string): Promise<Uint8Array> {
      await run('qemu-img', 'convert', '-q', '-l', 'first', '-O', 'qcow2', image, `${image}.first`);
      // As long as the disk is now.
      const content = await qemuContent(`${image}.first`);
      expect(content.subarray(SIZE).findIndex((byte) => byte !== 0)).toBe(-1);
      return content.subarray(0, SIZE);
    }

    it.each(KINDS)('an image is sound, and shows zeros there: %j', async (kind) => {
      await create(kind);
      const first = kind.snapshot && (await snapshotOf(path!));
      const device = await RecordingDevice.startOn(await copyToMemory(loadDevice(path!)));
      const image = await openQcow2(device, { writable: true, openBacking });
      await image.discard(0, 64 * KIB);
      await image.flush();
      const before = await readAll(image);
      const from = device.events.length;
      await image.resize(GROWN);
      await image.preallocate(SIZE, GROWN - SIZE, kind.how);
      await image.close();
      writeFileSync(cut!, await readAll(await replay(device.base, device.events)));
      await expectClean(cut!);

      const sizes = new Set<number>();
      for await (const { bytes, count, name } of powerCuts(device, {
        seed: 3,
        torn: 2,
        every: 2,
      })) {
        if (count < from) continue;
        writeFileSync(cut!, bytes);
        expect({ name, ...(await verdict(cut!)) }).toEqual({ name, corruptions: 0 });
        const content = await qemuContent(cut!);
        sizes.add(content.length);
        const expected = new Uint8Array(content.length);
        expected.set(before);
        expectSame(content, expected);
        const ours = await openQcow2(new TestDevice({ bytes, writable: false }), { openBacking });
        expectSame(await readAll(ours), expected);
        if (first) expectSame(await snapshotOf(cut!), first);
      }
      expect(sizes).toContain(SIZE);
      expect(sizes).toContain(GROWN);
    });
  },
);
