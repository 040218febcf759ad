import { randomBytes } from 'node:crypto';
import { MemoryDevice } from '@tidemark/block';
import { MemoryObjectStore } from '@tidemark/object-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backUpDrives,
  createRepository,
  openPoint,
  openPointDevice,
  openRepository,
} from '../src/index.ts';
import { contentOf, noise, TestDrive } from './support/drives.ts';
import { backUp, keysIn, restored } from './support/run.ts';

const SECRET = { kind: 'key', key: randomBytes(32) } as const;
const KINDS = [
  { name: 'plain', options: { compression: 'none' } },
  { name: 'compressed', options: { compression: 'zstd' } },
  { name: 'encrypted', options: { compression: 'zstd', secret: SECRET } },
] as const;

async function make(options: (typeof KINDS)[number]['options'] = KINDS[0].options) {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, options);
  return { store, repository };
}

describe.each(KINDS)('a $name repository', ({ options }) => {
  it('gives back every restore point, as another process opens it', async () => {
    const { store, repository } = await make(options);
    const drive = new TestDrive(3_000_001);
    const contents: Buffer[] = [];
    for (let turn = 0; turn < 6; turn++) {
      await drive.write(turn * 300_000, noise(200_000 + turn, turn));
      await drive.write(2_990_000, noise(10_001, turn + 100));
      if (turn === 3) await drive.trim(0, 500_000);
      await backUp(repository, drive);
      contents.push(await drive.content());
    }
    const opened = await openRepository(store, 'secret' in options ? options : {});
    for (const [index, content] of contents.entries()) {
      expect((await restored(opened, { point: String(index + 1) })).equals(content)).toBe(true);
    }
  });
});

describe('a backup', () => {
  it('is full at first, then an increment that reads what is dirty alone', async () => {
    const { repository } = await make();
    const drive = new TestDrive(4_194_304);
    await drive.write(0, noise(4_194_304, 1));
    const first = await backUp(repository, drive);
    expect(first).toMatchObject({
      number: 1,
      manifest: {
        kind: 'full',
        reason: 'first backup of this drive in this repository',
        parent: null,
        totals: { looked: 4_194_304, read: 4_194_304, fresh: 4_194_304 },
      },
    });
    await drive.write(1_000_000, noise(10, 2));
    expect(await backUp(repository, drive)).toMatchObject({
      number: 2,
      checkpoint: expect.stringMatching(/^[0-9a-f]{32}$/),
      manifest: {
        kind: 'incremental',
        reason: "bitmap 'nightly' began anew at restore point 1",
        parent: first.id,
        totals: { looked: 4096, read: 4096, fresh: 4096 },
      },
    });
    expect(drive.bitmap.count).toBe(0);
  });

  it('stores equal blocks once, and zeros never', async () => {
    const { store, repository } = await make();
    const drive = new TestDrive(8_388_608);
    const block = noise(4096, 7);
    for (let at = 0; at < 4_194_304; at += 4096) await drive.write(at, block);
    await drive.write(4_194_304, new Uint8Array(1_048_576));
    const { manifest } = await backUp(repository, drive);
    expect(manifest.totals).toMatchObject({ fresh: 4096, zero: 4_194_304 });
    const before = await keysIn(store, 'packs/');
    const other = new TestDrive(8_388_608, { id: 'other' });
    for (let at = 0; at < 4_194_304; at += 4096) await other.write(at, block);
    expect((await backUp(repository, other)).manifest.totals).toMatchObject({ fresh: 0 });
    // Also the map is the same.
    expect(await keysIn(store, 'packs/')).toEqual(before);
  });

  it('costs a manifest where nothing is dirty, and loads no index', async () => {
    const { store, repository } = await make();
    const drive = new TestDrive(2 ** 40, { granularity: 65_536 });
    await drive.write(2 ** 39, noise(100_000, 3));
    await backUp(repository, drive);
    const before = await keysIn(store);
    const opened = await openRepository(store);
    const calls: string[] = [];
    const list = store.list.bind(store);
    store.list = (prefix) => {
      calls.push(prefix);
      return list(prefix);
    };
    const second = await backUp(opened, drive);
    expect(calls).toEqual([]);
    expect(await keysIn(store)).toEqual([...before, `points/${second.id}`].toSorted());
    const device = await openPointDevice(opened, await openPoint(opened, { point: '2' }));
    const bytes = Buffer.alloc(100_000);
    await device.read(bytes, 2 ** 39);
    expect(bytes.equals(noise(100_000, 3))).toBe(true);
  });

  it('records what was trimmed as zeros and does not read it', async () => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    await drive.write(0, noise(1_048_576, 5));
    await backUp(repository, drive);
    await drive.trim(65_536, 524_288);
    const { manifest } = await backUp(repository, drive);
    expect(manifest.totals).toMatchObject({ looked: 524_288, read: 0, zero: 524_288, fresh: 0 });
    expect((await restored(repository, { point: '2' })).equals(await drive.content())).toBe(true);
  });

  it.each([
    ['a full one is asked for', 'a full backup was asked for', { mode: 'full' as const }],
    ['other granules are asked for', 'granules of 8192 bytes', { granularity: 8192 }],
  ])('is full where %s', async (_, reason, options) => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    await backUp(repository, drive);
    const { manifest } = await backUp(repository, drive, options);
    expect(manifest.kind).toBe('full');
    expect(manifest.reason).toContain(reason);
  });

  it('is full where the bitmap began elsewhere, or nobody knows where', async () => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    await backUp(repository, drive);
    drive.checkpoint = '0'.repeat(32);
    const elsewhere = await backUp(repository, drive);
    expect(elsewhere.manifest.reason).toContain('began anew at no restore point that is here');
    drive.checkpoint = undefined;
    const unknown = await backUp(repository, drive);
    expect(unknown.manifest.reason).toContain('does not tell since when it records');
  });

  it('stands on the point where the bitmap began, not on the last one', async () => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    await drive.write(0, noise(100_000, 1));
    const first = await backUp(repository, drive);
    await drive.write(8192, noise(4096, 2));
    // Its point is there, and the bitmap was not begun anew.
    const stopped = { ...drive.followed(), onDurable: () => Promise.reject(new Error('killed')) };
    const drives = [{ source: drive.device, drive: drive.identity, bitmap: stopped }];
    await expect(backUpDrives({ repository, drives })).rejects.toMatchObject({
      message: expect.stringContaining('the restore point is complete'),
    });
    await drive.write(8192, noise(4096, 1000));
    await drive.write(900_000, noise(10, 3));
    const third = await backUp(repository, drive);
    expect(third).toMatchObject({ number: 3, manifest: { parent: first.id } });
    expect((await restored(repository, { point: '3' })).equals(await drive.content())).toBe(true);
  });

  it('leaves the bitmap as it is when it is differential', async () => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    const first = await backUp(repository, drive);
    await drive.write(0, noise(4096, 1));
    const second = await backUp(repository, drive, { differential: true });
    expect(second).toMatchObject({ checkpoint: null, manifest: { parent: first.id } });
    await drive.write(8192, noise(4096, 2));
    const third = await backUp(repository, drive);
    expect(third.manifest).toMatchObject({ parent: first.id, totals: { looked: 8192 } });
    expect((await restored(repository, { point: '3' })).equals(await drive.content())).toBe(true);
  });

  it('is full, and says why, where the map of its parent is gone', async () => {
    const { store, repository } = await make();
    const drive = new TestDrive(1_048_576);
    await drive.write(0, noise(1_048_576, 1));
    await backUp(repository, drive);
    for (const key of await keysIn(store, 'packs/')) await store.delete(key);
    await drive.write(0, noise(10, 2));
    const { manifest } = await backUp(await openRepository(store), drive);
    expect(manifest.kind).toBe('full');
    expect(manifest.reason).toContain('the chain of restore point 1 is broken');
    expect((await restored(repository, { point: '2' })).equals(await drive.content())).toBe(true);
    // What is stored again makes the older point whole where it had the same.
    await expect(restored(repository, { point: '1' })).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
  });

  it('of several drives is there whole, or not at all', async () => {
    const { repository } = await make();
    const drives = ['a', 'b', 'c'].map((id) => new TestDrive(524_288, { id }));
    for (const [index, drive] of drives.entries()) await drive.write(0, noise(50_000, index));
    const begun: string[] = [];
    const run = () =>
      backUpDrives({
        repository,
        drives: drives.map((drive) => ({
          source: drive.device,
          drive: drive.identity,
          bitmap: drive.followed(),
        })),
        onDurable: async (checkpoint) => {
          begun.push(checkpoint);
        },
      });
    const points = await run();
    expect(new Set(points.map(({ manifest }) => manifest.set)).size).toBe(1);
    expect(points.map(({ checkpoint }) => checkpoint)).toEqual([...begun, ...begun, ...begun]);
    const failing = new MemoryDevice({ size: 524_288 });
    failing.readNow = () => false;
    failing.read = () => Promise.reject(new Error('no'));
    Object.assign(drives[2]!, { device: failing });
    failing.extents = async function* extents() {
      yield { offset: 0, length: 524_288, zero: false, allocated: true };
    };
    await expect(run()).rejects.toThrow('no');
    const { drives: named } = await repository.readRoot();
    expect(named.map(({ points }) => points.length)).toEqual([1, 1, 1]);
  });

  it('cancelled leaves bitmap and points as they were', async () => {
    const { repository } = await make();
    const drive = new TestDrive(8_388_608);
    await drive.write(0, noise(8_388_608, 1));
    const controller = new AbortController();
    const running = backUp(repository, drive, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(drive.checkpoint).toBe(undefined);
    expect((await repository.readRoot()).drives).toEqual([]);
    await backUp(repository, drive);
    expect((await restored(repository, { point: '1' })).equals(await drive.content())).toBe(true);
  });
});

describe('restore points', () => {
  it('are what a naive copy of the drive was, whatever was written between them', async () => {
    const size = 5_000_000;
    const step = fc.oneof(
      fc.record({
        op: fc.constant('write' as const),
        offset: fc.nat(size - 1),
        length: fc.integer({ min: 1, max: 300_000 }),
        seed: fc.nat(3),
      }),
      fc.record({
        op: fc.constant('trim' as const),
        offset: fc.nat(size - 1),
        length: fc.integer({ min: 1, max: 3_000_000 }),
      }),
      fc.constant({ op: 'backup' as const }),
      fc.constant({ op: 'full' as const }),
    );
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 14 }),
      async (steps) => {
        const { repository } = await make();
        const drive = new TestDrive(size);
        const contents: Buffer[] = [];
        for (const each of steps) {
          if (each.op === 'write') {
            const length = Math.min(each.length, size - each.offset);
            await drive.write(each.offset, noise(length, each.seed));
          } else if (each.op === 'trim') {
            await drive.trim(each.offset, Math.min(each.length, size - each.offset));
          } else {
            await backUp(repository, drive, { mode: each.op === 'full' ? 'full' : 'auto' });
            contents.push(await drive.content());
          }
        }
        for (const [index, content] of contents.entries()) {
          const point = String(index + 1);
          expect((await restored(repository, { point })).equals(content)).toBe(true);
          const device = await openPointDevice(repository, await openPoint(repository, { point }));
          expect((await contentOf(device)).equals(content)).toBe(true);
        }
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });
});
