import { spawn } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { openDrive, openDriveBitmaps } from '../src/index.ts';
import { createSidecarFile } from '../src/create-sidecar-file.ts';

const CHILD = fileURLToPath(new URL('support/make-sidecar.ts', import.meta.url));
const SIZE = 1024 * 1024;

describe('the bitmaps of a raw drive', () => {
  const root = tempDir();
  let count = 0;

  function rawDrive(): { readonly folder: string; readonly path: string } {
    const folder = join(root, String((count += 1)));
    mkdirSync(folder);
    const path = join(folder, 'disk.raw');
    writeFileSync(path, '');
    truncateSync(path, SIZE);
    return { folder, path };
  }

  async function add(path: string, name: string): Promise<void> {
    const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
    try {
      const { store } = await openDriveBitmaps(drive, { create: true });
      const content = new DirtyBitmap(SIZE, 65_536);
      await store!.commit([{ op: 'create', name, enabled: true, content }]);
      await store!.close();
    } finally {
      await drive.device.close();
    }
  }

  async function namesOf(path: string): Promise<readonly string[] | undefined> {
    const drive = await openDrive(path, { format: 'raw' });
    const { store } = await openDriveBitmaps(drive);
    const names = (await store?.list())?.map(({ name }) => name);
    await store?.close();
    await drive.device.close();
    return names;
  }

  it('are in a sidecar that is made when the first one is, and not before', async () => {
    const { folder, path } = rawDrive();
    expect(await namesOf(path)).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['disk.raw']);
    await add(path, 'a');
    expect(await namesOf(path)).toEqual(['a']);
    expect(readdirSync(folder)).toEqual(['disk.raw', 'disk.raw.tidemark.qcow2']);
  });

  it('leave no sidecar behind when the one that was to be added is not', async () => {
    const { folder, path } = rawDrive();
    const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
    const bitmaps = await openDriveBitmaps(drive, { create: true });
    await bitmaps.undo();
    await drive.device.close();
    expect(readdirSync(folder)).toEqual(['disk.raw']);
  });

  it('stay when what was done in a sidecar that was there is undone', async () => {
    const { path } = rawDrive();
    await add(path, 'a');
    const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
    const bitmaps = await openDriveBitmaps(drive, { create: true });
    await bitmaps.undo();
    await drive.device.close();
    expect(await namesOf(path)).toEqual(['a']);
  });

  it('are the same under every symbolic link to the drive', async () => {
    const { folder, path } = rawDrive();
    await add(path, 'a');
    const link = join(folder, 'link.raw');
    symlinkSync('disk.raw', link);
    symlinkSync(folder, join(root, `folder-${count}`));
    expect(await namesOf(link)).toEqual(['a']);
    expect(await namesOf(join(root, `folder-${count}`, 'link.raw'))).toEqual(['a']);
    await add(link, 'b');
    expect(await namesOf(path)).toEqual(['a', 'b']);
  });

  it('cannot be in the drive itself, whatever it is called', async () => {
    const { folder, path } = rawDrive();
    const before = readFileSync(path);
    linkSync(path, join(folder, 'same.raw'));
    const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
    for (const sidecar of [path, join(folder, 'same.raw')]) {
      await expect(openDriveBitmaps(drive, { sidecar, create: true })).rejects.toMatchObject({
        code: 'USAGE',
      });
    }
    await drive.device.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('are refused when the sidecar is of a drive of another size', async () => {
    const { path } = rawDrive();
    await add(path, 'a');
    truncateSync(path, SIZE + 512);
    await expect(namesOf(path)).rejects.toMatchObject({ code: 'SIDECAR_MISMATCH' });
  });

  it("are one writer's at a time, and none when somebody writes the drive", async () => {
    const { path } = rawDrive();
    await add(path, 'a');
    const first = await openDrive(path, { format: 'raw', access: 'bitmaps' });
    const { store } = await openDriveBitmaps(first);
    await expect(add(path, 'b')).rejects.toMatchObject({ code: 'LOCKED' });
    await store!.close();
    await first.device.close();
    const writer = await openDrive(path, { format: 'raw', access: 'write' });
    await expect(add(path, 'b')).rejects.toMatchObject({ code: 'LOCKED' });
    await writer.device.close();
    expect(await namesOf(path)).toEqual(['a']);
  });

  it('that two processes add at once are both there, or one process was told why not', async () => {
    const { folder, path } = rawDrive();
    const names = ['a', 'b', 'c', 'd'];
    const outcomes = await Promise.all(names.map((name) => runChild(path, name)));
    const added = names.filter((_, i) => outcomes[i] === 'added');
    expect(added.length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome !== 'added' && outcome !== 'LOCKED')).toEqual([]);
    expect([...(await namesOf(path))!].sort()).toEqual(added);
    expect(readdirSync(folder)).toEqual(['disk.raw', 'disk.raw.tidemark.qcow2']);
  });
});

describe('a new sidecar', () => {
  const dir = tempDir();

  it('never takes the place of a file that is there, and leaves nothing else', async () => {
    const path = join(dir, 'there.qcow2');
    writeFileSync(path, 'mine');
    await expect(createSidecarFile(path, SIZE)).rejects.toMatchObject({
      code: 'FILE_EXISTS',
      context: { where: path },
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    symlinkSync('nowhere', join(dir, 'dangling.qcow2'));
    await expect(createSidecarFile(join(dir, 'dangling.qcow2'), SIZE)).rejects.toMatchObject({
      code: 'FILE_EXISTS',
    });
    expect(readdirSync(dir).sort()).toEqual(['dangling.qcow2', 'there.qcow2']);
  });

  it('is not begun where its folder is not', async () => {
    const path = join(dir, 'none', 'x.qcow2');
    await expect(createSidecarFile(path, SIZE)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `'${path}' does not exist`,
    });
  });
});

async function runChild(path: string, name: string): Promise<string> {
  const args = ['--conditions=@tidemark/source', CHILD, path, name];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}
