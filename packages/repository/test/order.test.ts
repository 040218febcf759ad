import { MemoryDevice } from '@tidemark/block';
import { MemoryObjectStore } from '@tidemark/object-store';
import { FaultObjectStore } from '@tidemark/object-store/testing';
import { expect, it } from 'vitest';
import {
  backUpDrives,
  createRepository,
  openPoint,
  openRepository,
  restorePoint,
} from '../src/index.ts';
import { noise, TestDrive } from './support/drives.ts';
import { backUp, keysIn, restored } from './support/run.ts';

it('a pack is there before its index, all before the point, and that before the bitmap', async () => {
  const inner = new MemoryObjectStore();
  await createRepository(inner, { compression: 'none' });
  const events: string[] = [];
  const store = new FaultObjectStore(inner, {
    after: (call, key) => events.push(`${call} ${key.split('/')[0]}`),
  });
  const drive = new TestDrive(1_048_576);
  await drive.write(0, noise(500_000, 1));
  drive.device.flush = async () => {
    events.push('flush');
  };
  const bitmap = {
    ...drive.followed(),
    onDurable: async () => {
      events.push('bitmap');
    },
  };
  const repository = await openRepository(store);
  await backUpDrives({
    repository,
    drives: [{ source: drive.device, drive: drive.identity, bitmap }],
  });
  expect(events).toEqual([
    ...['put packs', 'put index', 'put packs', 'put index'],
    ...['put points', 'swap-reference refs', 'flush', 'bitmap'],
  ]);
});

it('a backup that failed is followed by one that stores all again', async () => {
  const inner = new MemoryObjectStore();
  await createRepository(inner, { compression: 'none' });
  let isFull = true;
  const store = new FaultObjectStore(inner, {
    before: (call, key) => {
      if (isFull && call === 'put' && key.startsWith('packs/')) throw new Error('no room');
    },
  });
  const repository = await openRepository(store);
  const drive = new TestDrive(1_048_576);
  await drive.write(0, noise(1_048_576, 1));
  await expect(backUp(repository, drive)).rejects.toThrow('no room');
  expect(drive.checkpoint).toBe(undefined);
  isFull = false;
  // By the same repository: a daemon's lives on.
  await backUp(repository, drive);
  expect((await restored(repository, { point: '1' })).equals(await drive.content())).toBe(true);
});

it('a restore refuses a pack that is missing before it writes', async () => {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, { compression: 'none' });
  const drive = new TestDrive(1_048_576);
  await drive.write(0, noise(500_000, 1));
  await backUp(repository, drive);
  await drive.write(700_000, noise(100_000, 2));
  await backUp(repository, drive);
  const point = await openPoint(repository, { point: '2' });
  const outcomes: string[] = [];
  for (const key of await keysIn(store, 'packs/')) {
    const bytes = await store.get(key);
    await store.delete(key);
    const target = new MemoryDevice({ size: 1_048_576 });
    let writes = 0;
    target.write = async () => {
      writes += 1;
    };
    const restoring = restorePoint({ repository, point, target, targetIsZero: true });
    const outcome = await restoring.then(
      () => 'restored',
      (error: { readonly code: string }) => error.code,
    );
    outcomes.push(outcome === 'restored' ? outcome : `${outcome} after ${writes} writes`);
    await store.putIfAbsent(key, bytes);
  }
  // The map of the first point is needed no more.
  expect(outcomes.toSorted()).toEqual([
    ...Array.from({ length: 3 }, () => 'BACKUP_CORRUPT after 0 writes'),
    'restored',
  ]);
  expect((await restored(repository, { point: '2' })).equals(await drive.content())).toBe(true);
});

it('a restore never writes a block that fails its digest', async () => {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, { compression: 'none' });
  const drive = new TestDrive(65_536);
  await drive.write(0, noise(65_536, 1));
  await backUp(repository, drive);
  for (const key of await keysIn(store, 'packs/')) {
    const bytes = await store.get(key);
    bytes[100]! ^= 1;
    await store.delete(key);
    await store.putIfAbsent(key, bytes);
  }
  await expect(restored(repository, { point: '1' })).rejects.toMatchObject({
    code: 'BACKUP_CORRUPT',
    message: expect.stringContaining('fails its digest'),
  });
});

it('what is condemned is found no more, though it is still there', async () => {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, { compression: 'none' });
  const drive = new TestDrive(65_536);
  await drive.write(0, noise(65_536, 1));
  await backUp(repository, drive);
  const { blobs } = await repository.index();
  expect(blobs.size).toBeGreaterThan(16);
  await repository.changeRoot((root) => {
    const condemned = [...blobs.packs];
    return root.condemned.length > 0 ? root : { ...root, condemned, prunes: root.prunes + 1 };
  });
  expect((await (await openRepository(store)).index()).blobs.size).toBe(0);
});
