import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { afterEach, expect, it } from 'vitest';
import { type Daemon, startDaemon, TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { succeed, succeedJson } from './support/tidemark.ts';
import { recordsOfTries } from './support/tries.ts';

const MiB = 2 ** 20;
const SIZE = 272 * MiB;

interface Report {
  readonly points: readonly { readonly kind: string; readonly totals: { readonly read: number } }[];
}

const dir = tempDir();
const drive = join(dir, 'drive.raw');
const repository = join(dir, 'repository');
const nbd = join(dir, 'nbd.sock');
const address = `${join(dir, 'qmp.sock')}#vm`;
let daemon: Daemon;

async function start(): Promise<void> {
  daemon = await startDaemon(
    ...['--blockdev', `driver=raw,node-name=vm,file.driver=file,file.filename=${drive}`],
    ...['--nbd-server', `addr.type=unix,addr.path=${nbd}`],
    ...['--export', 'type=nbd,id=vm,node-name=vm,writable=on'],
    ...['--qmp', `unix:${dir}/qmp.sock`],
  );
}

async function write(offset: number, bytes: Uint8Array): Promise<void> {
  const guest = await connectNbd(`nbd+unix:///vm?socket=${nbd}`);
  await guest.write(bytes, offset);
  await guest.flush();
  await guest.close();
}

/** Killed when it has made a record; `kill` kills. */
async function cutOff(kill: (backup: () => void) => Promise<void>): Promise<void> {
  const before = recordsOfTries(repository).length;
  const args = ['backup', address, repository, '--rate', '96M'];
  const child = spawn(process.execPath, [TIDEMARK, ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (child.exitCode === null && recordsOfTries(repository).length <= before)
    await setTimeout(10);
  await kill(() => void child.kill('SIGKILL'));
  await ended;
}

const bitmaps = async () =>
  (
    await succeedJson<readonly { readonly name: string }[]>(
      ...['ctl', 'bitmaps', join(dir, 'qmp.sock'), 'vm'],
    )
  ).map(({ name }) => name);

async function expectRestored(name: string): Promise<void> {
  const target = join(dir, name);
  await succeed('restore', repository, target, '-f', 'raw');
  // The daemon has the drive's lock, and all that was written is flushed.
  expect(readFileSync(target).equals(readFileSync(drive))).toBe(true);
}

afterEach(async () => daemon.stop('SIGTERM'));

it.each(['live', 'at rest'])(
  'a backup of a live drive that was killed is gone on with %s',
  async (how) => {
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    const file = openSync(drive, 'w');
    for (let at = 0; at < SIZE; at += 16 * MiB) {
      writeSync(file, randomBytes(16 * MiB), 0, 16 * MiB, at);
    }
    closeSync(file);

    await start();
    await succeed('repo', 'create', repository, '--compression', 'none');
    await cutOff(async (backup) => {
      // The view is of the instant before.
      await write(9 * MiB + 5, randomBytes(1000));
      backup();
    });
    await write(5 * MiB + 17, randomBytes(1000));
    while ((await bitmaps()).length !== 1) await setTimeout(10);

    // The daemon is killed as well, and what it had marked is enough.
    await cutOff(async () => void (await daemon.stop('SIGKILL')));
    await start();
    expect((await bitmaps()).length).toBe(2);
    await write(7 * MiB, randomBytes(1000));
    if (how === 'at rest') await daemon.stop('SIGTERM');
    const source = how === 'live' ? [address] : [drive, '--format', 'raw'];
    const { points } = await succeedJson<Report>('backup', ...source, repository);
    if (how === 'at rest') await start();
    // A pack of 32 MiB that was not yet whole may be lost, and regions of 4 MiB are marked as a whole.
    expect(points[0]!.totals.read).toBeLessThan(SIZE - 70 * MiB);
    expect((await bitmaps()).length).toBe(1);
    expect(recordsOfTries(repository)).toEqual([]);
    await expectRestored(`first-${how}.raw`);
    await write(100 * MiB, randomBytes(10));
    const next = await succeedJson<Report>('backup', address, repository);
    expect(next.points[0]).toMatchObject({ kind: 'incremental', totals: { read: 65_536 } });
    await expectRestored(`second-${how}.raw`);
  },
  120_000,
);
