import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { checkFile, countsOf, qemuCounts } from './support/compare.ts';

interface Variant {
  readonly name: string;
  readonly options: readonly string[];

  readonly noBitmaps?: boolean;
}

const VARIANTS: readonly Variant[] = [
  {
    name: '512 byte clusters, 64 bit refcounts',
    options: ['cluster_size=512', 'refcount_bits=64'],
  },
  { name: '4 KiB clusters, 8 bit refcounts', options: ['cluster_size=4096', 'refcount_bits=8'] },
  { name: '64 KiB clusters', options: ['cluster_size=65536'] },
  { name: '2 MiB clusters, 2 bit refcounts', options: ['cluster_size=2M', 'refcount_bits=2'] },
  { name: 'extended L2 entries', options: ['extended_l2=on', 'cluster_size=16k'] },
  { name: 'lazy refcounts', options: ['lazy_refcounts=on', 'refcount_bits=4'] },
  { name: 'version 2', options: ['compat=0.10'], noBitmaps: true },
];

describeWithQemu('checkImage', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const path = join(dir, 'checked.qcow2');
  const data = join(dir, 'data.raw');

  const io = (...commands: readonly string[]) =>
    run('qemu-io', '-f', 'qcow2', path, ...commands.flatMap((command) => ['-c', command]));
  const create = (options: readonly string[]) =>
    run('qemu-img', 'create', '-f', 'qcow2', '-o', options.join(','), path, '24M');

  it.each(VARIANTS)('counts what qemu-img check counts: $name', async (variant) => {
    await create(variant.options);
    await io('write -P 1 0 100k', 'write -P 2 5M 3M', 'discard 6M 1M', 'write -c -P 4 12M 2M');
    await io('write -z 20M 2M');
    if (variant.noBitmaps !== true) {
      await run('qemu-img', 'bitmap', '--add', path, 'a');
      await run('qemu-img', 'bitmap', '--add', '-g', '512', path, 'b');
    }
    // With narrow refcounts it gives up half way, and leaks.
    await sh('qemu-img', 'snapshot', '-c', 'one', path);
    await io('write -P 5 0 70k', 'write 9M 1M');
    const check = await checkFile(path);
    expect(countsOf(check)).toEqual(await qemuCounts(path));
    expect(check.allocatedClusters).toBeGreaterThan(0);
    expect(check.compressedClusters).toBeGreaterThan(0);
    const verdicts = check.bitmaps.map(({ name, verdict }) => `${name}: ${verdict}`).sort();
    expect(verdicts).toEqual(variant.noBitmaps ? [] : ['a: sound', 'b: sound']);
  });

  it('counts what qemu-img check counts where the data is in a file of its own', async () => {
    rmSync(data, { force: true });
    await create([`data_file=${data}`, 'data_file_raw=on']);
    await run('qemu-img', 'bitmap', '--add', path, 'a');
    await io('write -P 1 0 100k', 'write -P 2 5M 3M', 'write -z 20M 2M');
    const check = await checkFile(path);
    expect(countsOf(check)).toEqual(await qemuCounts(path));
    expect([check.corruptions, check.leaks, check.findings]).toEqual([0, 0, []]);
  });
});
