import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, readDrive } from './support/drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';
import { recordsOfTries } from './support/tries.ts';

const MiB = 2 ** 20;
const SIZE = 272 * MiB;

interface Report {
  readonly points: readonly { readonly totals: { readonly read: number } }[];
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  for (let at = 0; at < SIZE; at += 16 * MiB)
    writeSync(file, randomBytes(16 * MiB), 0, 16 * MiB, at);
  closeSync(file);
}

it('a backup that was killed is gone on with, and has what was written meanwhile', async () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.raw');
  const repository = join(dir, 'repository');
  fill(drive);
  await succeed('repo', 'create', repository, '--compression', 'none');
  const args = ['backup', drive, repository, '--format', 'raw'];
  const child = spawn(process.execPath, [TIDEMARK, ...args, '--rate', '96M'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (child.exitCode === null && recordsOfTries(repository).length === 0) await setTimeout(10);
  child.kill('SIGKILL');
  await ended;
  expect(await succeedJson('repo', 'list', repository)).toEqual([]);

  await guestWrites(drive, [{ offset: 5 * MiB + 17, length: 1000, byte: 7 }]);
  const { points } = await succeedJson<Report>(...args);
  // A pack of 32 MiB that was not yet whole may be lost.
  expect(points[0]!.totals.read).toBeLessThan(SIZE - 90 * MiB);
  const bitmaps = await succeedJson<{ readonly bitmaps: readonly unknown[] }>('info', drive);
  expect(bitmaps.bitmaps).toHaveLength(1);
  const target = join(dir, 'restored.raw');
  await succeed('restore', repository, target, '-f', 'raw');
  expect((await readDrive(target)).equals(await readDrive(drive))).toBe(true);
  const next = await succeedJson<Report>(...args);
  expect(next.points[0]!.totals.read).toBe(0);
});
