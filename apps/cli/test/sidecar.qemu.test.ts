import { readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';
import { qemuBitmaps, qemuDirty } from './support/qemu-bitmaps.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const MIB = 1024 * 1024;

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly rule?: string;
  readonly dirtyBytes: number | null;
}

describeWithQemu('tidemark sidecar', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], () => {
  const dir = tempDir();
  let made = 0;

  async function make(kind: 'plain' | 'data-file', size = 20 * MIB) {
    const raw = join(dir, `disk-${made++}.raw`);
    await makeDrive(raw, 'raw', size, [{ offset: MIB, length: 3 * MIB, byte: 0x55 }]);
    const before = digestOf(raw);
    await succeed('sidecar', 'create', raw, '--kind', kind);
    expect(digestOf(raw)).toBe(before);
    await succeed('bitmap', 'add', raw, 'nightly');
    return { raw, sidecar: `${raw}.tidemark.qcow2` };
  }

  const list = (raw: string) => succeedJson<readonly Listed[]>('bitmap', 'list', raw);
  const qemuWrites = (sidecar: string, ...commands: string[]) =>
    run('qemu-io', '-d', 'unmap', '-f', 'qcow2', ...commands.flatMap((c) => ['-c', c]), sidecar);

  it('lends a drive to QEMU, and has what QEMU has recorded and written', async () => {
    const { raw, sidecar } = await make('data-file');
    const repository = join(dir, 'repository');
    await succeed('backup', raw, repository, '--format', 'raw', '--bitmap', 'nightly');
    expect(await succeedJson('sidecar', 'lend', raw)).toMatchObject({ bitmaps: ['nightly'] });
    await qemuWrites(sidecar, 'write -P 7 5M 100k', 'write -z 2M 1M', 'discard 16M 2M');
    const recorded = [
      { offset: 2 * MIB, length: MIB },
      { offset: 5 * MIB, length: 128 * 1024 },
      { offset: 16 * MIB, length: 2 * MIB },
    ];
    expect(await qemuDirty(sidecar, 'nightly')).toEqual(recorded);
    expect(await succeedJson('bitmap', 'dump', raw, 'nightly')).toEqual(recorded);
    const next = await succeedJson<{ kind: string }>(
      ...['backup', raw, repository, '--format', 'raw', '--bitmap', 'nightly'],
    );
    // QEMU may have cleared the bitmap, so it does not say any more where it began (A6).
    expect(next.kind).toBe('full');
    const restored = join(dir, 'restored.raw');
    await succeed('restore', repository, restored, '--format', 'raw');
    expect(readFileSync(restored).equals(readFileSync(raw))).toBe(true);
    await run('qemu-img', 'check', sidecar);
  });

  it('says why bitmaps are inconsistent after a session without a loan', async () => {
    const { raw, sidecar } = await make('data-file');
    await qemuWrites(sidecar, 'write -P 7 5M 100k');
    expect(await list(raw)).toMatchObject([{ state: 'inconsistent', rule: 'mtime' }]);
  });

  it('converts both ways, with the bitmaps', async () => {
    const { raw, sidecar } = await make('plain');
    await fail('sidecar', 'lend', raw);
    const before = digestOf(raw);
    for (const to of ['data-file', 'plain', 'data-file']) {
      const done = await succeedJson('sidecar', 'convert', raw, '--to', to);
      expect(done).toMatchObject({ kind: to, isChanged: true });
      const again = await succeedJson('sidecar', 'convert', raw, '--to', to);
      expect(again).toMatchObject({ kind: to, isChanged: false });
      await run('qemu-img', 'check', sidecar);
      expect(await qemuBitmaps(sidecar)).toMatchObject([{ name: 'nightly', flags: ['auto'] }]);
      expect(await list(raw)).toMatchObject([{ state: 'stored', dirtyBytes: 0 }]);
    }
    expect(digestOf(raw)).toBe(before);
  });

  it('plans no less than what is there, and not much more', async () => {
    for (const kind of ['plain', 'data-file'] as const) {
      const { raw, sidecar } = await make(kind);
      const { plans } = await succeedJson<{ plans: { kind: string; empty: number }[] }>(
        ...['sidecar', 'plan', raw, '--bitmaps', '1'],
      );
      const { empty } = plans.find((plan) => plan.kind === kind)!;
      const check: { 'image-end-offset': number } = JSON.parse(
        await run('qemu-img', 'check', '--output=json', sidecar),
      );
      expect(check['image-end-offset']).toBeLessThanOrEqual(empty);
      expect(check['image-end-offset']).toBeGreaterThan(empty / 2);
    }
  });

  it('moves drive and sidecar, and their bitmaps are trusted as before', async () => {
    const { raw, sidecar } = await make('data-file');
    const to = join(dir, 'moved.raw');
    await succeed('sidecar', 'move', raw, '--drive-to', to);
    expect(await list(to)).toMatchObject([{ state: 'stored' }]);
    const info = await run('qemu-img', 'info', `${to}.tidemark.qcow2`);
    expect(info).toContain(`data file: ${to}\n`);
    const elsewhere = join(dir, 'elsewhere.qcow2');
    await succeed('sidecar', 'move', to, '--to', elsewhere);
    const listed = await succeedJson('bitmap', 'list', to, '--sidecar', elsewhere);
    expect(listed).toMatchObject([{ state: 'stored' }]);
    expect((await fail('sidecar', 'move', to, '--sidecar', elsewhere)).code).toBe('USAGE');
    const taken = ['sidecar', 'move', to, '--sidecar', elsewhere, '--to', to];
    expect((await fail(...taken)).code).toBe('FILE_EXISTS');
    expect((await fail('sidecar', 'move', to, '--to', sidecar)).code).toBe('FILE_NOT_FOUND');
  });

  it('does not come to trust what it did not when it is moved', async () => {
    const { raw } = await make('plain');
    await run('qemu-io', '-f', 'raw', '-c', 'write 0 64k', raw);
    const to = join(dir, 'moved-later.raw');
    await succeed('sidecar', 'move', raw, '--drive-to', to);
    expect(await list(to)).toMatchObject([{ state: 'inconsistent' }]);
  });

  it.each(['plain', 'data-file'] as const)('resizes a drive and its sidecar: %s', async (kind) => {
    const { raw, sidecar } = await make(kind);
    expect((await fail('sidecar', 'resize', raw, '10M')).code).toBe('USAGE');
    const done = await succeedJson('sidecar', 'resize', raw, '24M');
    expect(done).toMatchObject({ from: 20 * MIB, to: 24 * MIB, kind });
    expect(await list(raw)).toMatchObject([{ state: 'stored', dirtyBytes: 4 * MIB }]);
    expect(await qemuDirty(sidecar, 'nightly')).toEqual([{ offset: 20 * MIB, length: 4 * MIB }]);
    await run('qemu-img', 'check', sidecar);
    await succeed('sidecar', 'resize', raw, '22M', '--shrink');
    expect(await list(raw)).toMatchObject([{ state: 'stored', dirtyBytes: 2 * MIB }]);
    expect(readFileSync(raw).length).toBe(22 * MIB);
  });

  it('adopts a drive by word, and says what it trusts', async () => {
    const { raw, sidecar } = await make('data-file');
    const renamed = join(dir, 'renamed.raw');
    renameSync(raw, renamed);
    const options = ['--sidecar', sidecar];
    expect((await fail('sidecar', 'adopt', renamed, ...options)).code).toBe('USAGE');
    const text = await succeed('sidecar', 'adopt', renamed, ...options, '--accept-ctime');
    expect(text).toMatch(/^bitmap 'nightly' is trusted by your word alone\nalthough mode, owner/);
    const listed = await succeedJson('bitmap', 'list', renamed, ...options);
    expect(listed).toMatchObject([{ state: 'stored' }]);
    writeFileSync(renamed, new Uint8Array(20 * MIB));
    const ctime = ['sidecar', 'adopt', renamed, ...options, '--accept-ctime'];
    expect(await succeedJson(...ctime)).toMatchObject({
      adopted: [],
      bitmaps: [{ name: 'nightly', state: 'inconsistent' }],
    });
    const content = ['sidecar', 'adopt', renamed, ...options, '--accept-content'];
    expect(await succeedJson(...content)).toMatchObject({ adopted: ['nightly'] });
    truncateSync(renamed, 21 * MIB);
    expect((await fail(...content)).code).toBe('SIDECAR_MISMATCH');
  });

  it('prints lines that QEMU can run by', async () => {
    const { raw, sidecar } = await make('data-file');
    const config = await succeedJson<{ blockdev: string; namesDrive: boolean; before: string }>(
      ...['sidecar', 'config', raw],
    );
    expect(config).toMatchObject({ drive: raw, sidecar, kind: 'data-file', namesDrive: true });
    await run('qemu-io', '-c', 'write -P 6 0 64k', `json:${config.blockdev}`);
    expect(readFileSync(raw)[100]).toBe(6);
    const plain = await make('plain');
    expect(await succeed('sidecar', 'config', plain.raw)).toContain('tidemarkd -drive');
    expect(await succeed('sidecar', 'config', plain.raw)).toContain("dev='vda'");
    expect(await succeed('sidecar', 'config', plain.raw, '--id', 'vdc')).toContain("dev='vdc'");
  });

  it('refuses what it cannot do, in words', async () => {
    const odd = join(dir, 'odd.raw');
    writeFileSync(odd, new Uint8Array(1000));
    const lengthened = await fail('sidecar', 'create', odd, '--kind', 'data-file');
    expect(lengthened).toMatchObject({ code: 'OUT_OF_RANGE', exit: 7 });
    const { raw, sidecar } = await make('plain');
    expect((await fail('sidecar', 'create', raw)).code).toBe('FILE_EXISTS');
    expect((await fail('sidecar', 'create', sidecar)).code).toBe('USAGE');
    expect((await fail('sidecar', 'convert', odd, '--to', 'plain')).code).toBe('FILE_NOT_FOUND');
    expect((await fail('sidecar', 'plan')).code).toBe('USAGE');
    expect((await fail('sidecar', 'plan', '--size', '1G', '--bitmaps', 'x')).code).toBe('USAGE');
  });

  it('refuses a sidecar that QEMU would run on another drive with', async () => {
    const { raw, sidecar } = await make('data-file');
    const { raw: other } = await make('plain');
    const refused = await fail('bitmap', 'list', other, '--sidecar', sidecar);
    expect(refused.code).toBe('SIDECAR_MISMATCH');
    expect(refused.message).toContain(raw);
  });
});
