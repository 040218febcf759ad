import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { beforeEach, describe, expect, it } from 'vitest';
import { startDaemon, TIDEMARKD } from '../../../tools/programs.ts';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { digestsOf, guestWrite, refusal, serving } from './support/serving.ts';

const SIZE = 1024 * 1024;
const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

async function newDrive(name: string, format: 'raw' | 'qcow2'): Promise<string> {
  const path = join(dir, name);
  await (await createDrive(path, { format, size: SIZE })).device.close();
  return path;
}

async function expectRefusal(args: readonly string[], ...parts: readonly string[]): Promise<void> {
  const before = digestsOf(dir);
  const problem = await refusal(...args);
  for (const part of parts) expect(problem).toContain(part);
  expect(problem, 'what to do next').toMatch(/hint:|FILE_NOT_FOUND|LOCKED|PERMISSION/);
  expect(digestsOf(dir)).toEqual(before);
}

describe('tidemarkd', () => {
  it('prints help and version', async () => {
    expect((await sh(process.execPath, TIDEMARKD, '--help')).stdout).toContain(
      '-dirty-bitmap name=NAME',
    );
    expect((await sh(process.execPath, TIDEMARKD, '--version')).stdout).toMatch(
      /^tidemarkd \d+\.\d+\.\d+\n$/,
    );
  });

  it('exits with the code of the kind of failure', async () => {
    const codeOf = async (...args: readonly string[]) =>
      (await sh(process.execPath, TIDEMARKD, ...args)).code;
    expect(await codeOf()).toBe(2);
    expect(await codeOf('--no-such-option')).toBe(2);
    expect(await codeOf('-drive', `file=${dir}/missing`)).toBe(3);
  });

  it('refuses a file that is cut short', async () => {
    const path = await newDrive('disk.qcow2', 'qcow2');
    for (const size of [0, 3, 71, 100, 104, 65_536, 131_072]) {
      const cut = join(dir, `cut-${size}`);
      copyFileSync(path, cut);
      truncateSync(cut, size);
      await expectRefusal(['-drive', `file=${cut},format=qcow2`], cut);
    }
  });

  it('refuses a file with another magic', async () => {
    const path = await newDrive('disk.qcow2', 'qcow2');
    const bytes = readFileSync(path);
    bytes[0] = 0x50;
    writeFileSync(path, bytes);
    await expectRefusal(['-drive', `file=${path},format=qcow2`], 'IMAGE_UNRECOGNIZED');
  });

  it('refuses an image with a feature that it does not know, by name', async () => {
    const path = await newDrive('disk.qcow2', 'qcow2');
    const bytes = readFileSync(path);
    bytes[72 + 6] = 0x40;
    writeFileSync(path, bytes);
    await expectRefusal(['-drive', `file=${path}`], 'IMAGE_UNSUPPORTED');
  });

  it('refuses names and granularities that a bitmap cannot have', async () => {
    const path = await newDrive('disk.qcow2', 'qcow2');
    const drive = ['-drive', `file=${path}`];
    const option = (text: string) => [...drive, '-dirty-bitmap', `create=on,${text}`];
    await expectRefusal(option(`name=${'n'.repeat(1024)}`), 'BITMAP_INVALID');
    await expectRefusal(option(`name=${'é'.repeat(512)}`), 'BITMAP_INVALID');
    for (const granularity of ['0', '1', '256', '65535', '3k', '4G']) {
      await expectRefusal(option(`name=n,granularity=${granularity}`), 'BITMAP_INVALID');
    }
    await serving(dir, option(`name=${'n'.repeat(1023)},granularity=512`), async () => {});
  });

  it('refuses a sidecar that is no qcow2 file', async () => {
    const path = await newDrive('disk.raw', 'raw');
    writeFileSync(join(dir, 'notes.txt'), 'notes');
    const option = ['-dirty-bitmap', `name=n,file=${dir}/notes.txt,create=on`];
    await expectRefusal(['-drive', `file=${path},format=raw`, ...option], 'IMAGE_UNRECOGNIZED');
  });

  it('refuses a drive that is not there, and one that is a folder', async () => {
    await expectRefusal(['-drive', `file=${dir}/missing`], 'FILE_NOT_FOUND');
    mkdirSync(join(dir, 'folder'));
    await expectRefusal(['-drive', `file=${dir}/folder`], join(dir, 'folder'));
  });

  it('refuses a drive that another daemon has, and one given twice', async () => {
    const path = await newDrive('disk.qcow2', 'qcow2');
    const first = await startDaemon('-drive', `file=${path}`);
    await expectRefusal(['-drive', `file=${path}`], 'LOCKED');
    await first.stop();
    await expectRefusal(['-drive', `file=${path},id=a`, '-drive', `file=${path},id=b`], 'LOCKED');
  });

  it('refuses a socket that somebody listens on, and stores what it holds', async () => {
    const a = await newDrive('a.qcow2', 'qcow2');
    const b = await newDrive('b.qcow2', 'qcow2');
    const bitmap = ['-dirty-bitmap', 'name=n,create=on'];
    await serving(dir, ['-drive', `file=${a},id=vm`, ...bitmap], async (uri) => {
      const socket = new URL(uri('vm')).searchParams.get('socket')!;
      const options = [
        '-drive',
        `file=${b},id=vm`,
        '--nbd-server',
        `addr.type=unix,addr.path=${socket}`,
      ];
      expect(await refusal(...options, ...bitmap)).toContain('LOCKED');
      await guestWrite(uri('vm'), 0, 1);
    });
    // It closed in order: nothing of it is in use.
    await serving(dir, ['-drive', `file=${b},id=vm`, '-dirty-bitmap', 'name=n'], async () => {});
  });

  it('takes the place of a socket that a killed daemon left', async () => {
    const path = await newDrive('disk.raw', 'raw');
    const socket = join(dir, 'nbd.sock');
    const options = ['-drive', `file=${path},id=vm,format=raw`];
    const killed = await startDaemon(
      ...options,
      '--nbd-server',
      `addr.type=unix,addr.path=${socket}`,
    );
    await killed.stop('SIGKILL');
    expect(existsSync(socket)).toBe(true);
    await serving(dir, options, async (uri) => guestWrite(uri('vm'), 0, 1));
  });

  it('does not put its socket in the place of a file', async () => {
    const path = await newDrive('disk.raw', 'raw');
    appendFileSync(join(dir, 'precious'), 'content');
    const address = `addr.type=unix,addr.path=${dir}/precious`;
    await expectRefusal(
      ['-drive', `file=${path},format=raw`, '--nbd-server', address],
      'FILE_EXISTS',
    );
  });
});
