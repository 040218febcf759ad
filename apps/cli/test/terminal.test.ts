import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TIDEMARK, tidemark } from '../../../tools/programs.ts';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';
import { succeed } from './support/tidemark.ts';

const MiB = 1024 * 1024;

describe('long work', () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.raw');
  const backups = join(dir, 'backups');

  beforeAll(async () => {
    await makeDrive(drive, 'raw', 64 * MiB, [{ offset: 0, length: 32 * MiB, byte: 1 }]);
    await succeed('backup', drive, backups);
  });

  const script = '/usr/bin/script';
  if (!existsSync(script)) console.warn(`SKIPPED: a bar on a terminal: needs ${script}`);
  it.skipIf(!existsSync(script)).each([
    ['backup', [drive, join(dir, 'second')]],
    ['restore', [backups, join(dir, 'restored.raw')]],
    ['check', [backups]],
  ])('draws a bar on a terminal, and takes it away at the end: %s', async (name, args) => {
    const words = name === 'check' ? ['repo', 'check'] : [name];
    const line = [process.execPath, TIDEMARK, ...words, ...args].join(' ');
    const { code, stdout } = await sh(script, '-qec', line, '/dev/null');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`${name} \\[[█░]{30}\\] \\d+% \\| .* of (?:64|32) MiB \\| `));
    // Cursor to the first column, line erased, cursor shown again: what follows is the result.
    const [, result] = stdout.split('\u001b[2K');
    expect(result).toMatch(/^(?:000001-full: full|restored 000001-full|read 32 MiB)/);
    expect(stdout).toContain('\u001b[?25h');
  });

  it('prints nothing on the way where stderr is no terminal', async () => {
    const { code, stderr } = await tidemark('repo', 'check', backups);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends in order on %s, and leaves nothing',
    async (signal) => {
      // Enough that it cannot be done before the signal comes.
      const large = join(dir, `${signal}.raw`);
      await makeDrive(large, 'raw', 256 * MiB, [
        { offset: 0, length: 256 * MiB, byte: signal.length },
      ]);
      await succeed('bitmap', 'add', large, 'a');
      const into = join(dir, `${signal}-backups`);
      const child = spawn(process.execPath, [TIDEMARK, 'backup', large, into, '--bitmap', 'a'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const ended = new Promise((resolve) => child.on('close', resolve));
      await appears(join(into, '000001-full.partial', 'data'));
      child.kill(signal);
      expect(await ended).toBe(130);
      expect(stderr).toBe(`tidemark: cancelled: by ${signal} (CANCELLED)\n`);
      expect(readdirSync(into)).toEqual([]);
    },
  );
});

/** Resolves when a file is there. */
async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
}
