import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openImage } from './support/chains.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { qemuIo } from './support/qemu-images.ts';
import { randomOf, runWorkload } from './support/workload.ts';

const KIB = 1024;
const SIZE = 300 * KIB;

interface Kind {
  readonly options: string;
  /** Bytes of a backing file. */
  readonly backing?: number;
  readonly hasSnapshot?: boolean;
}

const KINDS: Kind[] = [
  { options: 'cluster_size=512' },
  { options: 'cluster_size=4k', hasSnapshot: true },
  { options: 'cluster_size=64k,extended_l2=on', hasSnapshot: true },
  { options: 'cluster_size=512', backing: 200 * KIB + 512 },
  { options: 'cluster_size=4k', backing: 900 * KIB, hasSnapshot: true },
  { options: 'cluster_size=16k,extended_l2=on', backing: 500 * KIB + 512 },
  { options: 'cluster_size=64k,extended_l2=on', backing: 100 * KIB },
  { options: 'compat=0.10,cluster_size=4k', backing: 500 * KIB },
];

describeWithQemu('a disk that changes its size again and again', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let made = 0;

  async function create({ options, backing = 0, hasSnapshot }: Kind) {
    const base = join(dir, `base${made}`);
    const path = join(dir, `image${made++}`);
    writeFileSync(base, new Uint8Array(backing).fill(200));
    const behind = backing > 0 ? ['-b', base, '-F', 'raw'] : [];
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, ...behind, path, `${SIZE}`);
    await qemuIo(path, 'write -P 1 10k 100k', 'write -P 2 290k 10k');
    const model = new Uint8Array(SIZE).fill(200, 0, backing);
    model.fill(1, 10 * KIB, 110 * KIB).fill(2, 290 * KIB);
    if (hasSnapshot === true) await run('qemu-img', 'snapshot', '-c', 'first', path);
    return { path, model };
  }

  it.each(KINDS)('shows zeros in all that was added, and keeps the rest: %j', async (kind) => {
    const { path, model: first } = await create(kind);
    const device = loadDevice(path);
    const image = await openImage(dir, device, { writable: true });
    const random = randomOf(7);
    let model = first;
    for (let round = 0; round < 8; round++) {
      const size = 512 * (1 + random(round % 2 === 0 ? 2000 : 600));
      await image.resize(size);
      const next = new Uint8Array(size);
      next.set(model.subarray(0, size));
      model = next;
      expectSame(await readAll(image), model);
      const workload = { seed: round, steps: 12, model, longest: 20 * KIB };
      await runWorkload(image, workload);
    }
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), model);
    if (kind.hasSnapshot !== true) return;
    // It has the size that the disk had then.
    await run('qemu-img', 'snapshot', '-a', 'first', path);
    await expectClean(path);
    expectSame(await qemuContent(path), first);
  });

  it.each(KINDS.filter(({ options }) => !options.includes('compat=0.10')))(
    'goes from QEMU to us and back: %j',
    async (kind) => {
      const { path, model: first } = await create(kind);
      let model = first;
      for (const [ours, theirs] of [
        [100 * KIB + 512, 700 * KIB],
        [800 * KIB, 50 * KIB],
        [400 * KIB + 1024, 90 * KIB + 512],
      ] as const) {
        const device = loadDevice(path);
        const image = await openImage(dir, device, { writable: true });
        await image.resize(ours);
        await image.close();
        save(device, path);
        await run('qemu-img', 'resize', '-q', '--shrink', path, String(theirs));
        const least = Math.min(model.length, ours, theirs);
        const next = new Uint8Array(theirs);
        next.set(model.subarray(0, least));
        model = next;
        await expectClean(path);
        expectSame(await readAll(await openImage(dir, loadDevice(path))), model);
      }
    },
  );
});
