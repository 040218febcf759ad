import * as nodeFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Volume } from 'memfs';
import { describe, expect, it } from 'vitest';
import { type FileSystem, openBackupDirectory, restore, verify } from '../src/index.ts';
import { memoryFiles, watched, type Call } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

const SIZE = 256 * 1024;

async function changedDrive(fs: ReturnType<typeof memoryFiles>['fs']) {
  const drive = new TrackedDrive(SIZE);
  await drive.fill(0, 100_000, 1);
  await drive.backup('/b', { fs });
  await drive.fill(50_000, 20_000, 2);
  return drive;
}

/** Fails at call `at`; after a crash, so does each call that comes after it. */
class Fault {
  readonly #at: number;
  readonly #mode: 'one failure' | 'crash';
  calls = 0;

  constructor(at: number, mode: 'one failure' | 'crash') {
    this.#at = at;
    this.#mode = mode;
  }

  get fired(): boolean {
    return this.calls >= this.#at;
  }

  readonly before = (): void => {
    this.calls++;
    const fails = this.#mode === 'crash' ? this.fired : this.calls === this.#at;
    if (fails) throw Object.assign(new Error('injected'), { code: 'EIO' });
  };
}

/** A dead process holds no lock; here the number in it is of a process that lives. */
function loseProcess(volume: Volume): void {
  if (!volume.existsSync('/b/.lock')) return;
  const text = String(volume.readFileSync('/b/.lock'));
  volume.writeFileSync('/b/.lock', text.replace(/"started":\d+/, '"started":1'));
}

async function contentAt(fs: FileSystem, point: string): Promise<Buffer> {
  const target = new TestDevice(SIZE);
  await restore({ directory: '/b', point, target, fs });
  return await target.content();
}

describe('a backup that fails at any call to the file system', () => {
  it.each(['one failure', 'crash'] as const)('leaves everything right: %s', async (mode) => {
    let fault = new Fault(1, mode);
    for (let at = 1; ; at++) {
      fault = new Fault(at, mode);
      const { fs, volume } = memoryFiles();
      const drive = await changedDrive(fs);
      const dirty = [...drive.bitmap.dirtyExtents()];
      const atFault = await drive.device.content();
      await drive.backup('/b', { fs: watched(fs, fault.before) }).catch(() => {});
      const points = await (await openBackupDirectory('/b', { fs })).list();
      // The bitmap is as it was, or the point is there that holds what it told.
      const isCleared = drive.restarts === 2;
      expect([...drive.bitmap.dirtyExtents()]).toEqual(isCleared ? [] : dirty);
      expect(points.length).toBeGreaterThanOrEqual(isCleared ? 2 : 1);

      loseProcess(volume);
      await drive.fill(SIZE - 5000, 5000, 3);
      const { manifest, point } = await drive.backup('/b', { fs });
      expect(manifest.kind).toBe('incremental');
      expect((await verify({ directory: '/b', fs })).problems).toEqual([]);
      const now = await drive.device.content();
      expect((await contentAt(fs, point)).equals(now)).toBe(true);
      const second = points.length === 2 ? atFault : now;
      expect((await contentAt(fs, '2')).equals(second)).toBe(true);
      const left = (await fs.readdir('/b')).filter((name) => !name.startsWith('0'));
      expect(left).toEqual(['head.json']);
      if (!fault.fired) break;
    }
    expect(fault.calls).toBeGreaterThan(20);
  });
});

describe('the order of a backup', () => {
  it('makes the point durable, then flushes the source, then starts the bitmap anew', async () => {
    const { fs } = memoryFiles();
    const drive = await changedDrive(fs);
    const events: string[] = [];
    const note = ({ name, path }: Call): void => {
      if (name === 'sync' || name === 'rename') events.push(`${name} ${path}`);
    };
    drive.device.onFlush = () => events.push('flush source');
    const bitmap = {
      name: 'daily',
      content: drive.bitmap.clone(),
      checkpoint: drive.checkpoint,
      onDurable: async () => void events.push('restart bitmap'),
    };
    await drive.backup('/b', { fs: watched(fs, note), bitmap });
    const folder = '/b/000002-incremental.partial';
    expect(events.filter((event) => !event.includes('.lock'))).toEqual([
      `sync ${folder}/data`,
      `sync ${folder}/index`,
      `sync ${folder}/manifest.json.partial`,
      `rename ${folder}/manifest.json.partial ${folder}/manifest.json`,
      `sync ${folder}`,
      'sync /b/head.json.partial',
      `rename ${folder} /b/000002-incremental`,
      'rename /b/head.json.partial /b/head.json',
      'sync /b',
      'flush source',
      'restart bitmap',
    ]);
  });

  it('syncs the directories that it makes', async () => {
    const root = await nodeFs.mkdtemp(join(tmpdir(), 'tidemark-backup-'));
    const synced: string[] = [];
    const note = ({ name, path }: Call): void => void (name === 'sync' && synced.push(path));
    try {
      const fs = watched(nodeFs, note);
      await new TrackedDrive(4096).backup(join(root, 'a', 'b'), { fs });
    } finally {
      await nodeFs.rm(root, { recursive: true });
    }
    expect(synced.slice(0, 2)).toEqual([root, join(root, 'a')]);
  });

  it('leaves the bitmap alone when the source cannot be flushed, and says what is there', async () => {
    const { fs } = memoryFiles();
    const drive = await changedDrive(fs);
    drive.device.onFlush = () => {
      throw new Error('power is gone');
    };
    await expect(drive.backup('/b', { fs })).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringContaining(`restore point '000002-incremental' is complete`),
    });
    expect(drive.restarts).toBe(1);
    drive.device.onFlush = () => {};
    const { manifest } = await drive.backup('/b', { fs });
    expect(manifest).toMatchObject({
      kind: 'incremental',
      // The bitmap still records since then.
      parent: { point: '000001-full' },
    });
    expect(manifest.totals.granules).toBeGreaterThan(0);
  });
});

describe('a backup that is stopped', () => {
  it('leaves directory and bitmap as they were when the source fails', async () => {
    const { fs, volume } = memoryFiles();
    const drive = await changedDrive(fs);
    drive.device.onRead = () => {
      throw new Error('bad sector');
    };
    await expect(drive.backup('/b', { fs })).rejects.toThrow('bad sector');
    expect(volume.readdirSync('/b')).toEqual(['000001-full', 'head.json']);
    expect(drive.restarts).toBe(1);
  });

  it('leaves directory and bitmap as they were when it is cancelled', async () => {
    const { fs, volume } = memoryFiles();
    const drive = await changedDrive(fs);
    const controller = new AbortController();
    drive.device.onRead = () => controller.abort();
    const running = drive.backup('/b', { fs, signal: controller.signal });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(volume.readdirSync('/b')).toEqual(['000001-full', 'head.json']);
    expect(drive.restarts).toBe(1);
  });

  it('waits for the reads in flight before it gives up', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(32 * 1024 * 1024);
    await drive.fill(0, 32 * 1024 * 1024, 1);
    let inFlight = 0;
    drive.device.onRead = async (offset) => {
      inFlight++;
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      if (offset === 3 * 1024 * 1024) throw new Error('bad sector');
    };
    await expect(drive.backup('/b', { fs })).rejects.toThrow('bad sector');
    expect(inFlight).toBe(0);
  });

  it('stops a restore too', async () => {
    const { fs } = memoryFiles();
    const drive = await changedDrive(fs);
    const target = new TestDevice(SIZE);
    const controller = new AbortController();
    controller.abort();
    const { signal } = controller;
    await expect(
      restore({ directory: '/b', point: '1', target, fs, signal }),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(target.calls.writes).toBe(0);
    await expect(drive.backup('/b', { fs, signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(verify({ directory: '/b', fs, signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
