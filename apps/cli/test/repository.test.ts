import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { startTidemark, tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;
const SIZE = 16 * MiB + 512;

interface Points {
  readonly points: readonly { readonly point: number; readonly id: string }[];
}

describe.each(['raw', 'qcow2'] as const)('a repository with a %s drive', (format) => {
  const dir = tempDir();
  const drive = join(dir, `drive.${format}`);
  const repository = join(dir, 'repository');
  const key = join(dir, 'key');
  const contents: Buffer[] = [];
  const flags = ['--key-file', key];

  async function backUp(...args: readonly string[]) {
    contents.push(await readDrive(drive));
    const about = [drive, repository, '--format', format, ...flags, ...args];
    return succeedJson<Points>('backup', ...about);
  }

  it('is made once, and encrypted if a key is given', async () => {
    writeFileSync(key, '0123456789abcdef0123456789abcdef');
    const made = await succeedJson('repo', 'create', repository, ...flags);
    expect(made).toMatchObject({ compression: 'zstd', encryption: 'aes-256-gcm' });
    expect(await fail('repo', 'create', repository)).toMatchObject({ code: 'FILE_EXISTS' });
    const locked = await fail('repo', 'list', repository);
    expect(locked).toMatchObject({ code: 'PERMISSION_DENIED', exit: 10 });
  });

  it('gets a full backup at first, then increments by a chain of its own', async () => {
    await makeDrive(drive, format, SIZE, [{ offset: MiB, length: 3 * MiB, byte: 1 }]);
    const first = await backUp();
    expect(first).toMatchObject({
      points: [{ point: 1, kind: 'full', reason: expect.stringContaining('first backup') }],
    });
    await guestWrites(drive, [
      { offset: 2 * MiB + 7, length: 10, byte: 2 },
      { offset: SIZE - 100, length: 100, byte: 3 },
    ]);
    expect(await backUp()).toMatchObject({
      points: [
        {
          point: 2,
          kind: 'incremental',
          parent: first.points[0]!.id,
          totals: { looked: 65_536 + 512, read: 65_536 + 512 },
        },
      ],
    });
    await guestWrites(drive, [{ offset: 8 * MiB, length: MiB, byte: 4 }]);
    expect(await backUp()).toMatchObject({ points: [{ point: 3, kind: 'incremental' }] });
  });

  it('gives every restore point back, whole or in part', async () => {
    for (const [index, content] of contents.entries()) {
      const target = join(dir, `restored-${index}.${format}`);
      const point = String(index + 1);
      await succeed('restore', repository, target, '--point', point, ...flags);
      expect((await readDrive(target)).equals(content)).toBe(true);
    }
    const part = join(dir, 'part.raw');
    const about = ['--point', '2', '--range', '2M:100k', ...flags];
    await succeed('restore', repository, part, ...about);
    const expected = contents[1]!.subarray(2 * MiB, 2 * MiB + 102_400);
    expect(readFileSync(part).equals(expected)).toBe(true);
  });

  it('serves a restore point over NBD', async () => {
    const socket = join(dir, `s-${format}.sock`);
    const about = [`${repository}@2`, '--socket', socket, ...flags];
    const server = await startTidemark('serving', 'serve', ...about);
    const device = await connectNbd(`nbd+unix:///?socket=${socket}`, {});
    expect(device.writable).toBe(false);
    const bytes = Buffer.alloc(device.size);
    await device.read(bytes, 0);
    await device.close();
    expect(bytes.subarray(0, SIZE).equals(contents[1]!)).toBe(true);
    expect((await server.stop()).code).toBe(0);
  });

  it('shows what changed when', async () => {
    const shown = await succeedJson('repo', 'show', repository, ...flags);
    expect(shown).toMatchObject({
      size: SIZE,
      points: [
        { point: 1, since: null, changed: 3 * MiB },
        { point: 2, since: 1, changed: 65_536 + 512 },
        { point: 3, since: 2, ranges: [{ offset: 8 * MiB, length: MiB, zero: false }] },
      ],
    });
  });

  it('draws where each point differs from the one before', async () => {
    const text = await succeed('repo', 'show', repository, ...flags);
    const pictures = Array.from(text.matchAll(/\[(.*)\]/g), ([, cells]) => cells!.split(''));
    expect(pictures.length).toBe(3);
    const [blank] = pictures[0]!.slice(-1);
    // 1 to 4 MiB at first, then a granule of 64 KiB and the last 512 bytes, then 8 to 9 MiB.
    const isMarked = pictures.map((cells) => cells.map((cell) => cell !== blank));
    const within = (point: number, from: number, to: number) => {
      const cells = isMarked[point - 1]!;
      const cell = Math.ceil(SIZE / 65_536 / 64) * 65_536;
      return cells.map((_, index) => {
        const at = index * cell;
        return at < to && at + cell > from;
      });
    };
    expect(isMarked[0]).toEqual(within(1, MiB, 4 * MiB));
    expect(isMarked[2]).toEqual(within(3, 8 * MiB, 9 * MiB));
    const second = within(2, 2 * MiB, 2 * MiB + 65_536);
    expect(isMarked[1]).toEqual([...second.slice(0, -1), true]);
  });

  it('proves a bitmap right, or names where it lies', async () => {
    const [{ name }] = await succeedJson<[{ readonly name: string }]>('bitmap', 'list', drive);
    const about = ['--against', drive, '--bitmap', name, '--format', format, ...flags];
    expect(await succeed('verify', repository, ...about)).toContain('all is as it was');
    const other = ['--against', drive, '--format', format, '--point', '1', ...flags];
    const { code, stdout } = await tidemark('verify', repository, ...other, '--json');
    expect(code).toBe(11);
    expect(JSON.parse(stdout)).toMatchObject({ differing: MiB + 65_536 + 512 });
  });

  it('lets points go by a policy, and gives their space back', async () => {
    const about = ['--keep-last', '1', ...flags];
    const dry = await succeedJson('repo', 'forget', repository, ...about, '--dry-run');
    expect(dry).toMatchObject({ forgotten: [{ point: 1 }, { point: 2 }], kept: [{ point: 3 }] });
    await succeed('repo', 'forget', repository, ...about);
    expect(await succeedJson('repo', 'list', repository, ...flags)).toMatchObject([{ point: 3 }]);
    const pruned = await succeedJson('repo', 'prune', repository, '--grace-hours', '0', ...flags);
    expect(pruned).toMatchObject({ removedManifests: 2 });
    expect(await succeed('repo', 'check', repository, ...flags)).toContain('all is well');
    await guestWrites(drive, [{ offset: 0, length: 10, byte: 5 }]);
    expect(await backUp()).toMatchObject({ points: [{ point: 4, kind: 'incremental' }] });
  });

  it('brings a lost bitmap back', async () => {
    const [{ name }] = await succeedJson<[{ readonly name: string }]>('bitmap', 'list', drive);
    await succeed('bitmap', 'remove', drive, name);
    await guestWrites(drive, [{ offset: 5 * MiB, length: 10, byte: 6 }]);
    const about = ['--bitmap', name, '--format', format, ...flags];
    const report = await succeedJson('rescan', drive, repository, ...about);
    expect(report).toMatchObject({ point: '4', dirtyBytes: 65_536 });
    expect(await backUp()).toMatchObject({
      points: [{ point: 5, kind: 'incremental', totals: { looked: 65_536 } }],
    });
    const target = join(dir, `last.${format}`);
    await succeed('restore', repository, target, ...flags);
    expect((await readDrive(target)).equals(contents.at(-1)!)).toBe(true);
  });
});

describe('a rescan of a drive with another bitmap that is whole', () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.qcow2');
  const repository = join(dir, 'repository');
  const rescan = (...args: readonly string[]) =>
    succeedJson('rescan', drive, repository, '--bitmap', 'lost', ...args);
  const backUp = (bitmap: string) =>
    succeedJson<Points>('backup', drive, repository, '--bitmap', bitmap);

  it.each([
    ['older', ['weekly', 'lost']],
    ['younger', ['lost', 'weekly']],
  ])('reads only what that calls dirty, be its restore point %s', async (_, order) => {
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    await succeed('repo', 'create', repository);
    await makeDrive(drive, 'qcow2', SIZE, [{ offset: MiB, length: 3 * MiB, byte: 1 }]);
    for (const [index, bitmap] of order.entries()) {
      await succeed('bitmap', 'add', drive, bitmap);
      await guestWrites(drive, [{ offset: (5 + index) * MiB, length: 10, byte: 2 }]);
      await backUp(bitmap);
    }
    await guestWrites(drive, [{ offset: 9 * MiB, length: 10, byte: 3 }]);
    await succeed('bitmap', 'remove', drive, 'lost');
    const report = await rescan();
    const differs = order[0] === 'lost' ? [6, 9] : [9];
    expect(report).toMatchObject({ trusts: 'weekly', dirtyBytes: differs.length * 65_536 });
    // Besides, what was written between the two points is looked at.
    expect(report).toMatchObject({ known: SIZE - 2 * 65_536 });
    const { points } = await backUp('lost');
    expect(points[0]).toMatchObject({ kind: 'incremental' });
    const target = join(dir, 'restored.qcow2');
    await succeed('restore', repository, target);
    expect((await readDrive(target)).equals(await readDrive(drive))).toBe(true);
  });

  it('reads all of it where that is asked for, or where the bitmap is not lost', async () => {
    expect(await rescan()).toMatchObject({ trusts: null, known: 0 });
    await succeed('bitmap', 'remove', drive, 'lost');
    expect(await rescan('--all')).toMatchObject({
      trusts: null,
      known: 0,
      reason: '--all was given',
    });
    await succeed('bitmap', 'remove', drive, 'lost');
    const text = await succeed('rescan', drive, repository, '--bitmap', 'lost');
    expect(text).toContain("bitmap 'weekly' proves them, it began at restore point");
  });
});

describe('a backup of several drives', () => {
  const dir = tempDir();

  it('is one checkpoint of all of them', async () => {
    const repository = join(dir, 'repository');
    await succeed('repo', 'create', repository);
    const [a, b] = [join(dir, 'a.qcow2'), join(dir, 'b.raw')];
    await makeDrive(a, 'qcow2', MiB, [{ offset: 0, length: 1000, byte: 1 }]);
    await makeDrive(b, 'raw', MiB, [{ offset: 0, length: 1000, byte: 2 }]);
    interface Sets {
      readonly points: readonly { readonly set: string; readonly kind: string }[];
    }
    for (const kind of ['full', 'incremental']) {
      const { points } = await succeedJson<Sets>('backup', a, repository, '--with', b);
      expect(points.map((point) => point.kind)).toEqual([kind, kind]);
      expect(new Set(points.map(({ set }) => set)).size).toBe(1);
    }
    const restored = join(dir, 'restored.raw');
    expect(await fail('restore', repository, restored)).toMatchObject({ code: 'USAGE' });
    await succeed('restore', repository, restored, '--drive-id', 'b.raw');
    expect(readFileSync(restored).equals(readFileSync(b))).toBe(true);
  });

  it('is refused into a directory of one drive', async () => {
    const a = join(dir, 'a.qcow2');
    const failure = await fail('backup', a, join(dir, 'plain'), '--with', join(dir, 'b.raw'));
    expect(failure).toMatchObject({
      code: 'USAGE',
      context: { hint: expect.stringContaining('repo create') },
    });
  });
});
