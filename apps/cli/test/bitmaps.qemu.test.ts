import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { guestWrites } from './support/drives.ts';
import { qemuBitmaps, qemuDirty } from './support/qemu-bitmaps.ts';
import { succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;

describeWithQemu('tidemark bitmap', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], () => {
  const dir = tempDir();
  const drives = { qcow2: join(dir, 'vm.qcow2'), raw: join(dir, 'disk.raw') };
  const sidecar = `${drives.raw}.tidemark.qcow2`;

  beforeAll(async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', drives.qcow2, '64M');
    await run('qemu-img', 'create', '-q', '-f', 'raw', drives.raw, '64M');
  });

  it('add makes bitmaps that QEMU lists, in the image and in the sidecar', async () => {
    await succeed('bitmap', 'add', drives.qcow2, 'nightly');
    await succeed('bitmap', 'add', drives.qcow2, 'paused', '--disabled', '-g', '4k');
    await succeed('bitmap', 'add', drives.raw, 'nightly', '--format', 'raw', '--granularity', '1M');
    expect(await qemuBitmaps(drives.qcow2)).toEqual([
      { name: 'nightly', granularity: 65_536, flags: ['auto'] },
      { name: 'paused', granularity: 4096, flags: [] },
    ]);
    expect(await qemuBitmaps(sidecar)).toEqual([
      { name: 'nightly', granularity: MiB, flags: ['auto'] },
    ]);
  });

  it('dump prints what QEMU has recorded, as text, JSON and a picture', async () => {
    const writes = ['-c', 'write -P 3 1M 3M', '-c', 'write -P 4 40M 1k'];
    await run('qemu-io', '-f', 'qcow2', ...writes, drives.qcow2);
    const extents = await qemuDirty(drives.qcow2, 'nightly');
    expect(extents).toEqual([
      { offset: MiB, length: 3 * MiB },
      { offset: 40 * MiB, length: 65_536 },
    ]);
    expect(await succeedJson('bitmap', 'dump', drives.qcow2, 'nightly')).toEqual(extents);
    expect(await succeed('bitmap', 'dump', drives.qcow2, 'nightly')).toBe(
      extents.map(({ offset, length }) => `${offset} ${length}\n`).join(''),
    );
    expect(await succeed('bitmap', 'dump', drives.qcow2, 'nightly', '--map')).toBe(
      `[·███${'·'.repeat(36)}░${'·'.repeat(23)}]\na character is 1 MiB\n`,
    );
    expect(await succeed('bitmap', 'dump', drives.qcow2, 'paused')).toBe('');
    expect(await succeedJson('bitmap', 'dump', drives.qcow2, 'paused')).toEqual([]);
  });

  it('list and info tell the same of both kinds of drive', async () => {
    const nightly = { name: 'nightly', granularity: 65_536, enabled: true, state: 'stored' };
    const paused = { name: 'paused', granularity: 4096, enabled: false, state: 'stored' };
    expect(await succeedJson('bitmap', 'list', drives.qcow2)).toEqual([
      { ...nightly, dirtyBytes: 3 * MiB + 65_536 },
      { ...paused, dirtyBytes: 0 },
    ]);
    expect(await succeed('bitmap', 'list', drives.qcow2)).toBe(
      [
        'NAME     GRANULARITY  RECORDING  STATE   DIRTY',
        'nightly  64 KiB       on         stored  3.06 MiB',
        'paused   4 KiB        off        stored  0 B',
        '',
      ].join('\n'),
    );
    expect(await succeedJson('info', drives.qcow2)).toMatchObject({
      path: drives.qcow2,
      format: 'qcow2',
      virtualSize: 64 * MiB,
      image: { version: 3, clusterSize: 65_536, backing: null, dirty: false, bitmapsLost: false },
      sidecar: null,
      bitmaps: [nightly, paused],
    });
    expect(await succeedJson('info', drives.raw)).toEqual({
      path: drives.raw,
      format: 'raw',
      virtualSize: 64 * MiB,
      diskUsage: expect.any(Number),
      image: null,
      sidecar,
      bitmaps: [{ ...nightly, granularity: MiB }],
    });
  });

  it('disable and enable set the flag that QEMU goes by', async () => {
    await succeed('bitmap', 'disable', drives.qcow2, 'nightly');
    await run('qemu-io', '-f', 'qcow2', '-c', 'write -P 5 50M 1M', drives.qcow2);
    await succeed('bitmap', 'enable', drives.qcow2, 'nightly');
    await run('qemu-io', '-f', 'qcow2', '-c', 'write -P 5 60M 64k', drives.qcow2);
    expect(await qemuDirty(drives.qcow2, 'nightly')).toEqual([
      { offset: MiB, length: 3 * MiB },
      { offset: 40 * MiB, length: 65_536 },
      { offset: 60 * MiB, length: 65_536 },
    ]);
  });

  it('merge adds what other bitmaps call dirty, across granularities, as QEMU does', async () => {
    await succeed('bitmap', 'add', drives.qcow2, 'sum', '-g', '2M');
    await run('qemu-img', 'bitmap', '--enable', drives.qcow2, 'paused');
    await run('qemu-io', '-f', 'qcow2', '-c', 'write 9M 4k', drives.qcow2);
    await succeed('bitmap', 'merge', drives.qcow2, 'sum', 'nightly', 'paused');
    const theirs = join(dir, 'theirs.qcow2');
    copyFileSync(drives.qcow2, theirs);
    await run('qemu-img', 'bitmap', '--add', '-g', '2M', theirs, 'sum2');
    const merges = ['nightly', 'paused'].flatMap((name) => ['--merge', name]);
    await run('qemu-img', 'bitmap', ...merges, theirs, 'sum2');
    const merged = await qemuDirty(theirs, 'sum2');
    expect(merged.length).toBeGreaterThan(2);
    expect(await qemuDirty(drives.qcow2, 'sum')).toEqual(merged);
  });

  it('clear and remove leave an image that QEMU finds sound, without what was removed', async () => {
    await succeed('bitmap', 'clear', drives.qcow2, 'nightly');
    await succeed('bitmap', 'remove', drives.qcow2, 'paused');
    expect(await qemuDirty(drives.qcow2, 'nightly')).toEqual([]);
    expect(await qemuBitmaps(drives.qcow2)).toMatchObject([{ name: 'nightly' }, { name: 'sum' }]);
    for (const image of [drives.qcow2, sidecar]) await run('qemu-img', 'check', image);
  });

  it('shows the bitmaps of the sidecar as its drive is written through us', async () => {
    await guestWrites(drives.raw, [{ offset: 10 * MiB + 5, length: 10, byte: 1 }]);
    expect(await qemuDirty(sidecar, 'nightly')).toEqual([{ offset: 10 * MiB, length: MiB }]);
    expect(await succeedJson('bitmap', 'dump', drives.raw, 'nightly')).toEqual([
      { offset: 10 * MiB, length: MiB },
    ]);
  });
});
