import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { DirtyBitmap } from '@tidemark/core';
import { MemoryObjectStore } from '@tidemark/object-store';
import { FaultObjectStore } from '@tidemark/object-store/testing';
import { describe, expect, it } from 'vitest';
import {
  backUpDrives,
  createRepository,
  type CreateRepositoryOptions,
  openRepository,
  prune,
  type Repository,
  type RepositoryBackupOptions,
} from '../src/index.ts';
import { TestDrive } from './support/drives.ts';
import { keysIn, restored } from './support/run.ts';

const MiB = 2 ** 20;
const SIZE = 48 * MiB;
const STEP = 2 * MiB;
const OPTIONS: CreateRepositoryOptions = { compression: 'none' };

/** A drive that counts what is read of it, and whose bitmaps of tries follow its writes. */
class ResumableDrive extends TestDrive {
  readonly tries = new Map<string, DirtyBitmap>();
  flushes = 0;
  /** Bytes. */
  read = 0;

  constructor() {
    super(SIZE, { granularity: 65_536 });
    const { device } = this;
    const [read, readNow] = [device.read.bind(device), device.readNow.bind(device)];
    device.read = async (target, offset) => {
      this.read += target.length;
      return read(target, offset);
    };
    device.readNow = (target, offset) => {
      this.read += target.length;
      return readNow(target, offset);
    };
    device.flush = async () => {
      this.flushes += 1;
    };
  }

  override async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (const changed of this.tries.values()) changed.set(offset, bytes.length);
    await super.write(offset, bytes);
  }

  get resumable() {
    return {
      step: STEP,
      earlier: [...this.tries].map(([checkpoint, bits]) => ({ checkpoint, changed: bits.clone() })),
      begin: async (checkpoint: string) => {
        if (this.flushes === 0) throw new Error('the source was not flushed');
        this.tries.set(checkpoint, new DirtyBitmap(SIZE, 65_536));
      },
    };
  }
}

interface Run extends Pick<RepositoryBackupOptions, 'mode'> {
  /** Bytes that are looked at before it is cut off. */
  readonly until?: number;
}

async function backUp(repository: Repository, drive: ResumableDrive, { until, mode }: Run = {}) {
  const cut = new AbortController();
  drive.read = 0;
  const { device: source, identity, resumable } = drive;
  return backUpDrives({
    repository,
    drives: [{ source, drive: identity, bitmap: drive.followed(), resumable }],
    mode,
    signal: cut.signal,
    onProgress: ({ done }) => {
      if (until !== undefined && done >= until) cut.abort();
    },
  });
}

async function makeDrive(): Promise<ResumableDrive> {
  const drive = new ResumableDrive();
  await drive.write(0, randomBytes(20 * MiB));
  await drive.write(24 * MiB, randomBytes(24 * MiB));
  return drive;
}

/** A backup that was cut off when it had stored a pack and more. */
async function cutOff(options = OPTIONS) {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, options);
  const drive = await makeDrive();
  const cut = backUp(repository, drive, { until: 40 * MiB });
  await expect(cut).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(drive.checkpoint).toBe(undefined);
  return { store, repository, drive };
}

async function expectRight(repository: Repository, drive: ResumableDrive, point = '1') {
  const content = await drive.content();
  expect((await restored(repository, { point })).equals(content)).toBe(true);
}

describe.each([
  ['plain', OPTIONS],
  ['encrypted', { secret: { kind: 'key', key: randomBytes(32) } }],
] satisfies (readonly [string, CreateRepositoryOptions])[])(
  'a backup that was cut off, %s',
  (_, options) => {
    it('is gone on with, without reading what was stored', async () => {
      const { store, repository, drive } = await cutOff(options);
      expect(await keysIn(store, 'tries/')).not.toEqual([]);
      await backUp(repository, drive);
      expect(drive.read).toBeLessThan(18 * MiB);
      expect(drive.read).toBeGreaterThan(4 * MiB);
      await expectRight(repository, drive);
      expect(await keysIn(store, 'tries/')).toEqual([]);
    });
  },
);

describe('a backup that goes on', () => {
  it('reads what was written since, and no more', async () => {
    const { repository, drive } = await cutOff();
    await backUp(repository, drive, { until: 0 }).catch(() => {});
    await drive.write(3 * MiB + 5, randomBytes(100));
    await drive.write(30 * MiB - 10, randomBytes(20));
    await drive.write(10 * MiB, Buffer.alloc(65_536));
    await backUp(repository, drive);
    expect(drive.read).toBeLessThan(19 * MiB);
    await expectRight(repository, drive);
  });

  it('reads all where nothing tells what was written since', async () => {
    const { repository, drive } = await cutOff();
    drive.tries.clear();
    await drive.write(3 * MiB, randomBytes(100));
    await backUp(repository, drive);
    expect(drive.read).toBe(44 * MiB);
    await expectRight(repository, drive);
  });

  it('reads all where a full one was asked for', async () => {
    const { repository, drive } = await cutOff();
    await backUp(repository, drive, { mode: 'full' });
    expect(drive.read).toBe(44 * MiB);
  });

  it('can be cut off itself, again and again', async () => {
    const { repository, drive } = await cutOff();
    for (let turn = 0; turn < 3; turn++) {
      await drive.write((5 + turn * 11) * MiB, randomBytes(3000));
      await backUp(repository, drive, { until: (16 + turn * 12) * MiB }).catch(() => {});
    }
    expect(drive.checkpoint).toBe(undefined);
    await backUp(repository, drive);
    expect(drive.read).toBeLessThan(19 * MiB);
    await expectRight(repository, drive);
  });

  it('reads again what is not there any more', async () => {
    const { store, repository, drive } = await cutOff();
    const later = () => Date.now() + 60_000;
    // Nothing names the packs yet, and they are not young.
    await prune({ repository, grace: 0, maxUnused: 0, now: later });
    expect(await keysIn(store, 'packs/')).toEqual([]);
    await backUp(await openRepository(store), drive);
    expect(drive.read).toBe(44 * MiB);
    await expectRight(repository, drive);
  });

  it('relies on no record that is damaged', async () => {
    const { store, repository, drive } = await cutOff();
    for (const key of (await keysIn(store, 'tries/')).slice(1, 2)) {
      const bytes = await store.get(key);
      // A digest, of a block that was read.
      bytes[40]! ^= 1;
      await store.delete(key);
      await store.putIfAbsent(key, bytes);
    }
    await backUp(repository, drive);
    expect(drive.read).toBeGreaterThan(40 * MiB);
    await expectRight(repository, drive);
  });

  it('is an increment too', async () => {
    const { repository, drive } = await cutOff();
    await backUp(repository, drive);
    drive.tries.clear();
    await drive.write(0, randomBytes(44 * MiB));
    await backUp(repository, drive, { until: 40 * MiB }).catch(() => {});
    await drive.write(2 * MiB, randomBytes(1000));
    await drive.write(47 * MiB, randomBytes(1000));
    const [second] = await backUp(repository, drive);
    expect(second!.manifest.kind).toBe('incremental');
    expect(drive.read).toBeLessThan(19 * MiB);
    await expectRight(repository, drive, '2');
  });
});

it('a record is there only behind the bitmap that tells what was written since', async () => {
  const events: string[] = [];
  const inner = new MemoryObjectStore();
  await createRepository(inner, OPTIONS);
  const store = new FaultObjectStore(inner, {
    after: (call, key) => {
      if (key.startsWith('tries/')) events.push(call);
    },
  });
  const drive = await makeDrive();
  const { resumable } = drive;
  const begin = async (checkpoint: string) => {
    await setImmediate();
    events.push('bitmap');
    await resumable.begin(checkpoint);
  };
  drive.device.flush = async () => {
    events.push('flush');
    drive.flushes += 1;
  };
  const one = { source: drive.device, drive: drive.identity, bitmap: drive.followed() };
  await backUpDrives({
    repository: await openRepository(store),
    drives: [{ ...one, resumable: { ...resumable, begin } }],
  });
  expect(events.slice(0, 3)).toEqual(['flush', 'bitmap', 'put']);
});
