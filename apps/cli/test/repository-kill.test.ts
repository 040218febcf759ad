import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { hash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';

const MiB = 2 ** 20;
const SIZE = 24 * MiB;
const ROUNDS = Number(process.env['REPOSITORY_KILLS'] ?? 6);
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

const dir = tempDir();
const drive = join(dir, 'drive.qcow2');
const repository = join(dir, 'repository');
const other = join(dir, 'other');
const key = join(dir, 'key');

let state = SEED;
/** From 0 to 1. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** Runs a command and kills it at a random moment of the time that it took last. */
async function killed(lasted: Map<string, number>, ...args: readonly string[]): Promise<void> {
  const begun = performance.now();
  const child = spawn(process.execPath, [TIDEMARK, ...args], { stdio: 'ignore' });
  const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')));
  const name = args[0] === 'repo' ? args[1]! : args[0]!;
  const wait = random() * (lasted.get(name) ?? 500);
  const first = await Promise.race([ended, setTimeout(wait, 'late' as const)]);
  if (first === 'ended') lasted.set(name, performance.now() - begun);
  else {
    // It takes longer than it was thought to: a later moment next time.
    lasted.set(name, Math.max(lasted.get(name) ?? 0, wait) * 1.3);
    child.kill('SIGKILL');
  }
  await ended;
}

async function write(): Promise<void> {
  const writes = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const length = 1 + Math.floor(random() * 2 * MiB);
    const offset = Math.floor(random() * (SIZE - length));
    return { offset, length, byte: Math.floor(random() * 256) };
  });
  await guestWrites(drive, writes);
}

/** Not the content itself: hundreds of rounds would fill the memory. */
async function digestOf(path: string): Promise<string> {
  return hash('sha256', await readDrive(path));
}

/** All that is there is whole, and what is made next is right. */
async function expectAllIsWell(digests: Map<number, string>): Promise<void> {
  const checked = await succeedJson<{ readonly problems: unknown[] }>('repo', 'check', repository);
  expect(checked.problems).toEqual([]);
  const points = await succeedJson<{ readonly point: number }[]>('repo', 'list', repository);
  // A point that was committed by a command that was killed is of the drive as it is.
  const digest = await digestOf(drive);
  for (const { point } of points) if (!digests.has(point)) digests.set(point, digest);
  const result = await succeedJson<{ readonly points: readonly { readonly point: number }[] }>(
    'backup',
    drive,
    repository,
  );
  const { point } = result.points[0]!;
  digests.set(point, digest);
  await expectRestores(digests, [...points.map((each) => each.point), point], repository);
}

/** Of the newest point, and of one of them. */
async function expectRestores(
  digests: ReadonlyMap<number, string>,
  there: readonly number[],
  ...from: readonly string[]
): Promise<void> {
  for (const each of [there.at(-1)!, there[Math.floor(random() * there.length)]!]) {
    const target = join(dir, 'restored.qcow2');
    rmSync(target, { force: true });
    await succeed('restore', ...from, target, '--point', String(each));
    expect(await digestOf(target)).toBe(digests.get(each));
  }
}

/** The copies that are there are whole, and a copy that is run again has all that is new. */
async function expectCopiesAreWell(digests: ReadonlyMap<number, string>): Promise<void> {
  const opened = [other, '--key-file', key];
  await succeed('repo', 'check', ...opened);
  await succeed('repo', 'export', repository, other, '--to-key-file', key);
  await succeed('repo', 'check', ...opened);
  const points = await succeedJson<{ readonly point: number }[]>('repo', 'list', ...opened);
  const there = points.map(({ point }) => point);
  expect(there.at(-1)).toBe(Math.max(...digests.keys()));
  await expectRestores(digests, there, ...opened);
}

it(
  `a backup, a prune, a copy and a restore that are killed leave all well (seed ${SEED})`,
  async () => {
    await makeDrive(drive, 'qcow2', SIZE, [{ offset: 0, length: 4 * MiB, byte: 1 }]);
    await succeed('repo', 'create', repository, '--compression', 'none');
    writeFileSync(key, randomBytes(32));
    await succeed('repo', 'create', other, '--key-file', key);
    const digests = new Map<number, string>();
    const lasted = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      await write();
      await killed(lasted, 'backup', drive, repository);
      await expectAllIsWell(digests);
      if (round % 2 === 0) {
        await succeed('repo', 'forget', repository, '--keep-last', '2');
        await killed(lasted, 'repo', 'prune', repository, '--grace-hours', '0');
      } else if (round % 4 === 1) {
        await killed(lasted, 'repo', 'export', repository, other, '--to-key-file', key);
        await expectCopiesAreWell(digests);
      } else {
        await killed(lasted, 'restore', repository, join(dir, `killed-${round}.raw`), '-f', 'raw');
      }
      await expectAllIsWell(digests);
    }
    const listed = await succeedJson<readonly unknown[]>('repo', 'list', repository);
    expect(listed.length).toBeGreaterThan(0);
  },
  ROUNDS * 120_000,
);
