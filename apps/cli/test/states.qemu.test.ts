import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir, type Tool } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';
import { qemuBitmaps } from './support/qemu-bitmaps.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;

describeWithQemu('a drive that is not in order', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

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
      { name: 'a', state: 'in-use', dirtyBytes: null },
    ]);
    expect(await succeed('info', path, '--force-share')).toContain('recording, in-use');
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
