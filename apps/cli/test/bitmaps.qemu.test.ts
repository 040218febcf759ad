import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir, type Tool } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive } from './support/drives.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;

interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** What QEMU exports as the dirty ranges of a bitmap, read by libnbd. */
async function qemuDirty(image: string, name: string): Promise<readonly Extent[]> {
  const serve = ['qemu-nbd', '-r', '-f', 'qcow2', '-B', name, image];
  const map = `--map=qemu:dirty-bitmap:${name}`;
  const output = await run('nbdinfo', map, '--json', '--', '[', ...serve, ']');
  const extents: readonly (Extent & { readonly type: number })[] = JSON.parse(output);
  return extents.filter(({ type }) => type === 1).map(({ offset, length }) => ({ offset, length }));
}

interface QemuInfo {
  readonly 'format-specific': { readonly data: { readonly bitmaps?: readonly unknown[] } };
}

/** What QEMU says of an image's bitmaps. */
async function qemuBitmaps(image: string): Promise<readonly unknown[]> {
  const info: QemuInfo = JSON.parse(await run('qemu-img', 'info', '--output=json', image));
  return info['format-specific'].data.bitmaps ?? [];
}

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

  it('shows an inconsistent bitmap, removes it, and does nothing else with it', async () => {
    const path = join(dir, 'crashed.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '16M');
    for (const name of ['a', 'b']) await succeed('bitmap', 'add', path, name);
    // QEMU ends itself with SIGABRT: what it had in use stays so.
    const killed = await sh(
      'sh',
      '-c',
      `qemu-io -f qcow2 -c 'write 0 64k' -c abort '${path}' || :`,
    );
    expect(killed.code).toBe(0);
    const state = { enabled: true, state: 'inconsistent', dirtyBytes: null };
    expect(await succeedJson('bitmap', 'list', path)).toMatchObject([state, state]);
    expect(await succeed('bitmap', 'list', path)).toMatch(/^a .* inconsistent {2}-$/m);
    expect(await succeed('info', path)).toContain('a: granularity 64 KiB, recording, inconsistent');
    await succeed('bitmap', 'add', path, 'sound');
    const before = digestOf(path);
    for (const args of [
      ['bitmap', 'clear', path, 'a'],
      ['bitmap', 'enable', path, 'a'],
      ['bitmap', 'disable', path, 'a'],
      ['bitmap', 'dump', path, 'a'],
      ['bitmap', 'merge', path, 'a', 'sound'],
      ['bitmap', 'merge', path, 'sound', 'a'],
      ['backup', path, join(dir, 'never'), '--bitmap', 'a'],
    ]) {
      expect(await fail(...args)).toMatchObject({ code: 'BITMAP_INCONSISTENT', exit: 6 });
    }
    expect(digestOf(path)).toBe(before);
    await succeed('bitmap', 'remove', path, 'a');
    expect(await qemuBitmaps(path)).toMatchObject([
      { name: 'b', flags: ['in-use', 'auto'] },
      { name: 'sound', flags: ['auto'] },
    ]);
    await run('qemu-img', 'check', path);
  });

  it('does not touch a drive that QEMU writes, and looks at it only when told to', async () => {
    const path = join(dir, 'running.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '16M');
    await succeed('bitmap', 'add', path, 'a');
    const writer: Tool = 'qemu-io';
    const qemu = spawn(writer, ['-f', 'qcow2', path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: qemu.stdout });
    const ended = new Promise((resolve) => qemu.on('exit', resolve));
    qemu.stdin.write('length\n');
    // Its answer says that it has the image open.
    await new Promise<void>((resolve) => lines.once('line', () => resolve()));
    const before = digestOf(path);
    for (const args of [
      ['bitmap', 'add', path, 'b'],
      ['bitmap', 'list', path],
      ['info', path],
      ['backup', path, join(dir, 'never')],
    ]) {
      expect(await fail(...args)).toMatchObject({ code: 'LOCKED', exit: 5 });
    }
    expect(await succeedJson('bitmap', 'list', path, '--force-share')).toMatchObject([
      { name: 'a', state: 'inconsistent' },
    ]);
    expect(digestOf(path)).toBe(before);
    qemu.stdin.end('quit\n');
    await ended;
    await succeed('bitmap', 'add', path, 'b');
  });

  it('keeps a bitmap of an unknown kind as it is, and does not write its drive if it records', async () => {
    const path = join(dir, 'kind.qcow2');
    await makeDrive(path, 'qcow2', 4 * MiB, [{ offset: 0, length: MiB, byte: 9 }]);
    await succeed('backup', path, join(dir, 'kinds'));
    await succeed('bitmap', 'add', path, 'strange-one');
    setBitmapType(path, 'strange-one', 2);
    expect(await succeedJson('bitmap', 'list', path)).toEqual([
      {
        name: 'strange-one',
        granularity: 65_536,
        enabled: true,
        state: 'unsupported',
        dirtyBytes: null,
      },
    ]);
    const before = digestOf(path);
    const args = ['restore', join(dir, 'kinds'), path, '--overwrite'];
    expect(await fail(...args)).toMatchObject({ code: 'BITMAP_UNSUPPORTED', exit: 9 });
    expect(await fail('bitmap', 'clear', path, 'strange-one')).toMatchObject({
      code: 'BITMAP_UNSUPPORTED',
    });
    expect(digestOf(path)).toBe(before);
    await succeed('bitmap', 'add', path, 'other');
    expect(await succeed('bitmap', 'list', path)).toMatch(/^strange-one .* unsupported/m);
    expect(await tidemark('bitmap', 'remove', path, 'strange-one')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('was not given back'),
    });
    await succeed(...args);
  });
});

/** qcow2.rst, "Bitmap directory": the type is the byte 16 of an entry, the name comes at 24. */
function setBitmapType(path: string, name: string, type: number): void {
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf(name) - 24 + 16] = type;
  writeFileSync(path, bytes);
}
