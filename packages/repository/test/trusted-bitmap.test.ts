import type { BackupBitmap } from '@tidemark/backup';
import { MemoryObjectStore } from '@tidemark/object-store';
import { describe, expect, it } from 'vitest';
import {
  backUpDrives,
  createRepository,
  openPoint,
  planRepositoryRescan,
  type Repository,
  trustedFor,
} from '../src/index.ts';
import { noise, TestDrive } from './support/drives.ts';

const SIZE = 1_048_576;

/** @returns the checkpoint at which the bitmap began */
async function backUpBy(repository: Repository, drive: TestDrive, bitmap: BackupBitmap) {
  const drives = [{ source: drive.device, drive: drive.identity, bitmap }];
  const [point] = await backUpDrives({ repository, drives });
  return point!.checkpoint!;
}

/** A drive whose second point began bitmap `nightly`, and other points other bitmaps. */
async function makePoints() {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store);
  const drive = new TestDrive(SIZE);
  const began: string[] = [];
  for (const [turn, name] of ['older', 'nightly', 'younger'].entries()) {
    await drive.write(turn * 100_000, noise(4096, turn + 1));
    began.push(await backUpBy(repository, drive, drive.followed(name)));
  }
  return { store, repository, drive, began };
}

const info = (name: string, checkpoint: string | undefined, count = 0) => ({
  ...{ name, granularity: 4096, recording: true, inconsistent: false, unsupported: false, count },
  ...(checkpoint !== undefined && { checkpoint }),
});

async function find(repository: Repository, ...infos: readonly ReturnType<typeof info>[]) {
  const about = { drive: { id: 'drive' }, size: SIZE, bitmap: 'nightly' };
  return trustedFor(repository, await planRepositoryRescan(repository, about), infos);
}

describe('a rescan trusts', () => {
  it('a bitmap that began at an older or a younger point, but where the points differ', async () => {
    const { repository, began } = await makePoints();
    for (const [name, checkpoint, from] of [
      ['older', began[0]!, 100_000],
      ['younger', began[2]!, 200_000],
    ] as const) {
      const found = await find(repository, info(name, checkpoint));
      expect(found?.trusted).toMatchObject({ name, checkpoint });
      const [...dirty] = found!.trusted.differing!.dirtyExtents(0, SIZE);
      // The two granules that the write has touched.
      expect(dirty).toMatchObject([{ offset: from - (from % 4096), length: 8192 }]);
    }
  });

  it('of several the one that calls least dirty', async () => {
    const { repository, began } = await makePoints();
    const [older, younger] = [info('older', began[0], 8192), info('younger', began[2], 4096)];
    expect((await find(repository, older, younger))?.trusted.name).toBe('younger');
    const less = { ...older, count: 0 };
    expect((await find(repository, less, younger))?.trusted.name).toBe('older');
  });

  it('a bitmap that has its checkpoint in its name', async () => {
    const { repository, drive } = await makePoints();
    const successor = { nameAt: (at: string) => `chain@${at}`, granularity: 4096 };
    const at = await backUpBy(repository, drive, { ...drive.followed('chain'), successor });
    const found = await find(repository, info(`chain@${at}`, undefined));
    expect(found?.trusted).toMatchObject({ name: `chain@${at}`, checkpoint: undefined });
  });
});

describe('a rescan does not trust', () => {
  it('a bitmap that began elsewhere, does not record, or is not sound', async () => {
    const { repository, began } = await makePoints();
    const older = info('older', began[0]);
    expect(await find(repository, info('older', 'ab'.repeat(16)))).toBe(undefined);
    expect(await find(repository, info('older', undefined))).toBe(undefined);
    // The point of that instant began another bitmap.
    expect(await find(repository, info('older', began[2]))).toBe(undefined);
    expect(await find(repository, { ...older, recording: false })).toBe(undefined);
    expect(await find(repository, { ...older, inconsistent: true })).toBe(undefined);
    expect(await find(repository, { ...older, granularity: 8192 })).toBe(undefined);
  });

  it('any bitmap where the one that comes back is there and whole', async () => {
    const { repository, began } = await makePoints();
    const older = info('older', began[0]);
    expect(await find(repository, older, info('nightly', began[1]))).toBe(undefined);
    // Of another instant it is as good as lost.
    expect(await find(repository, older, info('nightly', undefined))).toBeDefined();
  });

  it('a bitmap whose point is damaged', async () => {
    const { store, repository, began } = await makePoints();
    const { id } = await openPoint(repository, { point: '1' });
    await store.delete(`points/${id}`);
    expect(await find(repository, info('older', began[0]))).toBe(undefined);
  });
});
