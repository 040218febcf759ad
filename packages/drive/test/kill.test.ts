import { spawn } from 'node:child_process';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { openDrive, openDriveBitmaps } from '../src/index.ts';

// The long form: KILL_CYCLES=500 vitest run --project drive kill
const CYCLES = Number(process.env['KILL_CYCLES'] ?? 8);
const WRITER = fileURLToPath(new URL('support/killed-writer.ts', import.meta.url));
const SIZE = 8 * 1024 * 1024;
const GRANULE = 65_536;

const empty = () => new DirtyBitmap(SIZE, GRANULE);

async function withStore<T>(path: string, work: (store: BitmapStore) => Promise<T>): Promise<T> {
  const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
  try {
    const { store } = await openDriveBitmaps(drive, { create: true });
    await using bitmaps = store!;
    return await work(bitmaps);
  } finally {
    await drive.device.close();
  }
}

/** Kills a writer once it has made so many writes, in the middle of others. */
async function killAfter(path: string, writes: number, seed: number): Promise<void> {
  const args = ['--conditions=@tidemark/source', WRITER, path, String(seed)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let made = 0;
  child.stdout.on('data', (said: Buffer) => {
    made += said.length;
    if (made >= writes) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
  expect(signal).toBe('SIGKILL');
}

/** Granules that differ, and are not dirty. */
function staleIn(bitmap: DirtyBitmap, before: Buffer, after: Buffer): readonly number[] {
  const stale: number[] = [];
  for (let at = 0; at < SIZE; at += GRANULE) {
    const isSame = before.subarray(at, at + GRANULE).equals(after.subarray(at, at + GRANULE));
    if (!isSame && !bitmap.isDirty(at)) stale.push(at);
  }
  return stale;
}

it('bitmaps of a raw drive that are live hold every write when their writer is killed', async () => {
  const path = join(tempDir(), 'disk.raw');
  writeFileSync(path, Buffer.alloc(SIZE));
  await withStore(path, (store) =>
    store.commit([{ op: 'create', name: 'a', enabled: true, content: empty() }]),
  );
  let backup = readFileSync(path);
  let changes = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await killAfter(path, 1 + ((cycle * 397) % 900), cycle + 1);
    const now = readFileSync(path);
    const bitmap = await withStore(path, async (store) => {
      expect(await store.list()).toEqual([
        { name: 'a', granularity: GRANULE, enabled: true, state: 'stored', recovered: true },
      ]);
      return store.load('a');
    });
    expect({ cycle, stale: staleIn(bitmap, backup, now) }).toEqual({ cycle, stale: [] });
    if (!backup.equals(now)) changes += 1;
    // Every other time it goes on from what the crash has left.
    if (cycle % 2 === 0) continue;
    await withStore(path, (store) => store.commit([{ op: 'store', name: 'a', content: empty() }]));
    backup = now;
  }
  expect(changes).toBe(CYCLES);
  await killAfter(path, 100, 99);
  const later = Date.now() / 1000 + 3600;
  utimesSync(path, later, later);
  const [a] = await withStore(path, (store) => store.list());
  expect(a).toMatchObject({
    state: 'inconsistent',
    reason: expect.stringContaining('the drive was changed at'),
  });
}, 3_600_000);
