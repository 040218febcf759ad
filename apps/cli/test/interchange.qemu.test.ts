import { copyFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 2 ** 20;
const SIZE = 20 * MiB;

interface Exported {
  readonly point: number;
  readonly image: string;
  readonly backing: string | null;
  readonly copied: number;
  readonly wasThere: boolean;
}

interface Imported {
  readonly image: string;
  readonly point: number;
  readonly kind: string;
  readonly wasThere: boolean;
}

describeWithQemu('a chain of restore points', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.qcow2');
  const repository = join(dir, 'repository');
  const images = join(dir, 'images');
  const raws: string[] = [];

  async function backUp(): Promise<void> {
    await succeed('backup', drive, repository);
    const raw = join(dir, `point-${raws.length + 1}.raw`);
    await run('qemu-img', 'convert', '-O', 'raw', drive, raw);
    raws.push(raw);
  }

  it('is exported as images over each other, which QEMU reads as the drive was', async () => {
    await succeed('repo', 'create', repository);
    await makeDrive(drive, 'qcow2', SIZE, [{ offset: MiB, length: 4 * MiB, byte: 1 }]);
    await backUp();
    await guestWrites(drive, [
      { offset: 2 * MiB + 7, length: 100, byte: 2 },
      { offset: SIZE - 5, length: 5, byte: 3 },
    ]);
    await backUp();
    // Zeros over data have to hide what is behind.
    await guestWrites(drive, [{ offset: 3 * MiB, length: MiB, byte: 0 }]);
    await backUp();
    const exported = await succeedJson<Exported[]>('repo', 'export', repository, images);
    expect(exported.map(({ point, backing }) => [point, backing === null])).toEqual([
      [1, true],
      [2, false],
      [3, false],
    ]);
    expect(exported[1]!.copied).toBe(2 * 65_536);
    for (const [index, { image }] of exported.entries()) {
      await run('qemu-img', 'check', '-q', image);
      await run('qemu-img', 'compare', '-q', '-F', 'raw', image, raws[index]!);
    }
    const moved = join(dir, 'moved');
    await run('mv', images, moved);
    const [last] = readdirSync(moved).toSorted().slice(-1);
    await run('qemu-img', 'compare', '-q', '-F', 'raw', join(moved, last!), raws[2]!);
    await run('mv', moved, images);
  });

  it('is exported again where it has grown, and no image is written twice', async () => {
    await guestWrites(drive, [{ offset: 9 * MiB, length: MiB, byte: 4 }]);
    await backUp();
    const before = readdirSync(images);
    const exported = await succeedJson<Exported[]>('repo', 'export', repository, images);
    expect(exported.map(({ wasThere }) => wasThere)).toEqual([true, true, true, false]);
    expect(readdirSync(images).length).toBe(before.length + 1);
    await run('qemu-img', 'compare', '-q', '-F', 'raw', exported[3]!.image, raws[3]!);
    const part = join(dir, 'part');
    const two = await succeedJson<Exported[]>('repo', 'export', repository, part, '--point', '2');
    expect(two.map(({ point }) => point)).toEqual([1, 2]);
    const missing = await fail('repo', 'export', repository, part, '--point', '99');
    expect(missing).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  });

  it('comes back by an import, and is not imported twice', async () => {
    const other = join(dir, 'other');
    await succeed('repo', 'create', other);
    const names = readdirSync(images).toSorted();
    const import3 = ['repo', 'import', other, join(images, names[2]!), '--drive-id', 'vm'];
    const first = await succeedJson<Imported[]>(...import3);
    expect(first.map(({ kind }) => kind)).toEqual(['full', 'incremental', 'incremental']);
    const import4 = ['repo', 'import', other, join(images, names[3]!), '--drive-id', 'vm'];
    const again = await succeedJson<Imported[]>(...import4);
    expect(again.map(({ wasThere }) => wasThere)).toEqual([true, true, true, false]);
    for (const [index, raw] of raws.entries()) {
      const restored = join(dir, 'restored.raw');
      rmSync(restored, { force: true });
      const flags = ['-f', 'raw', '--point', String(index + 1)];
      await succeed('restore', other, restored, ...flags);
      expect((await readDrive(restored)).equals(await readDrive(raw))).toBe(true);
    }
  });

  it('is not taken for imported where an image below is another one', async () => {
    const other = join(dir, 'third');
    await succeed('repo', 'create', other);
    const [first, second] = readdirSync(images).toSorted();
    const args = ['repo', 'import', other, join(images, second!), '--drive-id', 'vm'];
    await succeed(...args);
    const { mtimeMs } = statSync(join(images, first!));
    utimesSync(join(images, first!), new Date(), new Date(mtimeMs + 5000));
    const again = await succeedJson<Imported[]>(...args);
    expect(again.map(({ kind, wasThere }) => [kind, wasThere])).toEqual([
      ['full', false],
      ['incremental', false],
    ]);
  });
});

describeWithQemu('a chain that QEMU has made', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  it('is imported image by image, whatever lies at the bottom', async () => {
    const base = join(dir, 'base.raw');
    const top = join(dir, 'top.qcow2');
    const middle = join(dir, 'middle.qcow2');
    const repository = join(dir, 'repository');
    await run('qemu-img', 'create', '-q', '-f', 'raw', base, '8M');
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 1 1M 3M', base);
    const overlay = ['create', '-q', '-f', 'qcow2'];
    await run('qemu-img', ...overlay, '-b', base, '-F', 'raw', middle);
    await run('qemu-io', '-c', 'write -P 2 2M 64k', '-c', 'write -z 3M 64k', middle);
    // Another cluster size, and a larger disk.
    const larger = ['-o', 'cluster_size=4k', top, '12M'];
    await run('qemu-img', ...overlay, '-b', middle, '-F', 'qcow2', ...larger);
    await run('qemu-io', '-c', 'write -P 3 11M 4k', top);
    await succeed('repo', 'create', repository);
    const made = await succeedJson<Imported[]>(
      'repo',
      'import',
      repository,
      top,
      '--drive-id',
      'x',
    );
    expect(made.map(({ kind }) => kind)).toEqual(['full', 'incremental', 'full']);
    for (const [index, image] of [base, middle, top].entries()) {
      const [wanted, found] = [join(dir, 'wanted.raw'), join(dir, 'found.raw')];
      for (const path of [wanted, found]) rmSync(path, { force: true });
      await run('qemu-img', 'convert', '-O', 'raw', image, wanted);
      await succeed('restore', repository, found, '-f', 'raw', '--point', String(index + 1));
      await run('cmp', wanted, found);
    }
    const listed = await succeedJson<{ totals: { looked: number } }[]>('repo', 'list', repository);
    expect(listed[1]!.totals.looked).toBe(2 * 65_536);
  });

  it('is refused where it is a circle, or an image is missing', async () => {
    const [a, b] = [join(dir, 'a.qcow2'), join(dir, 'b.qcow2')];
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', a, '1M');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', a, '-F', 'qcow2', b);
    const repository = join(dir, 'repository');
    copyFileSync(a, join(dir, 'kept'));
    rmSync(a);
    expect(await fail('repo', 'import', repository, b)).toMatchObject({ code: 'FILE_NOT_FOUND' });
    copyFileSync(join(dir, 'kept'), a);
    await run('qemu-img', 'rebase', '-u', '-b', b, '-F', 'qcow2', a);
    expect(await fail('repo', 'import', repository, b)).toMatchObject({ code: 'IMAGE_CORRUPT' });
  });
});
