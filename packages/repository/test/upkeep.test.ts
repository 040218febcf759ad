import { DirtyBitmap } from '@tidemark/core';
import { MemoryObjectStore } from '@tidemark/object-store';
import { describe, expect, it } from 'vitest';
import {
  applyPolicy,
  backUpDrives,
  checkRepository,
  createRepository,
  digestsForBitmap,
  forgetPoints,
  openPoint,
  openRepository,
  planRepositoryRescan,
  prune,
  rebuildIndex,
  type RootPoint,
  verifyAgainst,
} from '../src/index.ts';
import { fromHex } from '../src/format/digest.ts';
import { packKey } from '../src/format/object-keys.ts';
import { noise, TestDrive } from './support/drives.ts';
import { backUp, keysIn, restored } from './support/run.ts';

async function make() {
  const store = new MemoryObjectStore();
  return { store, repository: await createRepository(store, { compression: 'none' }) };
}

/** Three points, of which each has written half of the drive anew. */
async function withThreePoints() {
  const { store, repository } = await make();
  const drive = new TestDrive(1_048_576);
  const contents: Buffer[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await drive.write(turn === 1 ? 524_288 : 0, noise(524_288, turn + 1));
    await backUp(repository, drive);
    contents.push(await drive.content());
  }
  return { store, repository, drive, contents };
}

const point = (number: number, created: string): RootPoint => ({
  id: String(number).padStart(64, '0'),
  number,
  created,
  checkpoint: null,
});

describe('a retention policy', () => {
  const days = Array.from({ length: 60 }, (_, day) =>
    point(day + 1, new Date(Date.UTC(2026, 0, 1 + day, 3)).toISOString()),
  );

  it('keeps the newest of each day, week and month', () => {
    const { kept } = applyPolicy(days, { last: 2, daily: 3, weekly: 2, monthly: 2 });
    // By the calendar: 2026-03-01 is a Sunday, and ends a week.
    expect(kept.map(({ number, reasons }) => [number, reasons.join()])).toEqual([
      [53, 'weekly'],
      [58, 'daily'],
      [59, 'last,daily,monthly'],
      [60, 'last,daily,weekly,monthly'],
    ]);
  });

  it('always keeps the newest point', () => {
    const two = [point(1, '2026-01-01T01:00:00Z'), point(2, '2026-01-01T02:00:00Z')];
    const { kept, forgotten } = applyPolicy(two, { daily: 1 });
    expect(kept.map(({ number }) => number)).toEqual([2]);
    expect(forgotten.map(({ number }) => number)).toEqual([1]);
  });

  it('that keeps nothing is refused', () => {
    expect(() => applyPolicy(days, {})).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => applyPolicy(days, { last: -1 })).toThrow(/--keep-last/);
  });
});

describe('prune', () => {
  it('gives back what no point needs, and breaks none', async () => {
    const { store, repository, drive, contents } = await withThreePoints();
    await forgetPoints(repository, ({ points }) => points.slice(0, 2));
    const before = await keysIn(store, 'packs/');
    const report = await prune({ repository, grace: 0, now: () => Date.now() + 1000 });
    expect(report.freedBytes).toBeGreaterThan(500_000);
    expect(report.removedManifests).toBe(2);
    expect((await keysIn(store, 'packs/')).length).toBeLessThan(before.length);
    expect((await repository.readRoot()).condemned).toEqual([]);
    const opened = await openRepository(store);
    expect((await restored(opened, { point: '3' })).equals(contents[2]!)).toBe(true);
    expect((await checkRepository({ repository: opened, readData: true })).problems).toEqual([]);
    await drive.write(0, noise(10, 99));
    expect((await backUp(opened, drive)).manifest.kind).toBe('incremental');
  });

  it('writes packs anew of which little is needed', async () => {
    const { store, repository } = await make();
    const drive = new TestDrive(1_048_576);
    await drive.write(0, noise(1_048_576, 1));
    await backUp(repository, drive);
    await drive.write(0, noise(983_040, 2));
    await backUp(repository, drive);
    await forgetPoints(repository, ({ points }) => points.slice(0, 1));
    const report = await prune({ repository, grace: 0, now: () => Date.now() + 1000 });
    expect(report).toMatchObject({ rewrittenPacks: 1 });
    expect(report.freedBytes - report.rewrittenBytes).toBeGreaterThan(900_000);
    const opened = await openRepository(store);
    expect((await restored(opened, { point: '2' })).equals(await drive.content())).toBe(true);
  });

  it('leaves young objects, and what is needed', async () => {
    const { store, repository } = await withThreePoints();
    await forgetPoints(repository, ({ points }) => points.slice(0, 2));
    const before = await keysIn(store);
    expect(await prune({ repository })).toMatchObject({ removedPacks: 0, rewrittenPacks: 0 });
    expect(await keysIn(store)).toEqual(before);
  });

  it('tells what it would do', async () => {
    const { store, repository } = await withThreePoints();
    await forgetPoints(repository, ({ points }) => points.slice(0, 2));
    const before = await keysIn(store);
    const now = () => Date.now() + 1000;
    const told = await prune({ repository, grace: 0, now, dryRun: true });
    expect(told.freedBytes).toBeGreaterThan(500_000);
    expect(await keysIn(store)).toEqual(before);
    expect(await prune({ repository, grace: 0, now })).toEqual(told);
  });

  it('makes a backup fail that relied on what went, and leaves its bitmap', async () => {
    const { store, repository, drive } = await withThreePoints();
    const old = await drive.content();
    await drive.write(0, noise(524_288, 77));
    await backUp(repository, drive);
    await forgetPoints(repository, ({ points }) => points.slice(0, 3));
    // It finds the blocks of the third point, which nobody needs any more.
    const slow = await openRepository(store);
    await slow.index();
    await prune({ repository, grace: 0, maxUnused: 0, now: () => Date.now() + 1000 });
    await drive.write(0, old.subarray(0, 524_288));
    const checkpoint = drive.checkpoint;
    await expect(backUp(slow, drive)).rejects.toMatchObject({ code: 'LOCKED' });
    expect(drive.checkpoint).toBe(checkpoint);
    const again = await backUp(await openRepository(store), drive);
    const content = await restored(await openRepository(store), { point: String(again.number) });
    expect(content.equals(await drive.content())).toBe(true);
  });

  it('begins again where a point comes meanwhile', async () => {
    const { store, repository, drive, contents } = await withThreePoints();
    await forgetPoints(repository, ({ points }) => points.slice(0, 2));
    const swap = store.swapReference.bind(store);
    const other = await openRepository(store);
    let turns = 0;
    store.swapReference = async (...args) => {
      store.swapReference = swap;
      turns += 1;
      // The blocks of the first point, which the prune is about to condemn.
      await drive.write(0, contents[0]!.subarray(0, 524_288));
      await backUp(other, drive);
      return swap(...args);
    };
    await prune({ repository, grace: 0, now: () => Date.now() + 1000 });
    expect(turns).toBe(1);
    const opened = await openRepository(store);
    expect((await restored(opened, { point: '4' })).equals(await drive.content())).toBe(true);
    expect((await checkRepository({ repository: opened, readData: true })).problems).toEqual([]);
  });

  it('refuses to go on where a point is damaged', async () => {
    const { store, repository } = await withThreePoints();
    const [pack] = await keysIn(store, 'packs/');
    await store.delete(pack!);
    const before = await keysIn(store);
    await expect(prune({ repository, grace: 0 })).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect(await keysIn(store)).toEqual(before);
  });
});

describe('a check', () => {
  it('reads every block, and finds all well', async () => {
    const { repository } = await withThreePoints();
    const report = await checkRepository({ repository, readData: true });
    expect(report).toMatchObject({ problems: [], unindexed: 0 });
    expect(report.points.length).toBe(3);
    expect(report.readBytes).toBeGreaterThan(1_048_576);
  });

  it('names the points and ranges that a changed byte takes away', async () => {
    const { store, repository, contents } = await withThreePoints();
    const packs = await keysIn(store, 'packs/');
    let found = 0;
    for (const pack of packs) {
      const bytes = await store.get(pack);
      await store.delete(pack);
      const broken = bytes.slice();
      broken[60]! ^= 1;
      await store.putIfAbsent(pack, broken);
      const { problems } = await checkRepository({ repository, readData: true });
      expect(problems.length).toBeGreaterThan(0);
      found += problems.filter(({ ranges }) => ranges.length > 0).length;
      await store.delete(pack);
      await store.putIfAbsent(pack, bytes);
    }
    expect(found).toBeGreaterThan(0);
    expect((await restored(repository, { point: '1' })).equals(contents[0]!)).toBe(true);
  });
});

describe('an index that is lost', () => {
  it('is made again from the packs', async () => {
    const { store, contents } = await withThreePoints();
    const indexes = await keysIn(store, 'index/');
    for (const key of indexes) await store.delete(key);
    await store.putIfAbsent(indexes[0]!, new Uint8Array(10));
    const opened = await openRepository(store);
    await expect(restored(opened, { point: '1' })).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
    const { rebuilt, problems } = await rebuildIndex(opened);
    expect([rebuilt.length, problems]).toEqual([indexes.length, []]);
    expect((await restored(opened, { point: '1' })).equals(contents[0]!)).toBe(true);
  });
});

describe('a drive that is compared with a point', () => {
  it('proves its bitmap right, or names where it lies', async () => {
    const { repository, drive } = await withThreePoints();
    const about = { repository, source: drive.device, bitmap: drive.bitmap };
    const choice = await openPoint(repository, { point: 'latest' });
    await drive.write(100_000, noise(5000, 50));
    const honest = await verifyAgainst({ ...about, point: choice });
    expect(honest).toMatchObject({ differing: 0, ranges: [] });
    // Granules 24 and 25 are dirty, for the write lies in both.
    expect(honest.compared).toBe(1_048_576 - 2 * 4096);
    await drive.device.write(noise(8192, 51), 200_704);
    await drive.device.writeZeroes(700_416, 4096);
    const lying = await verifyAgainst({ ...about, point: choice });
    expect(lying.ranges).toEqual([
      { offset: 200_704, length: 8192 },
      { offset: 700_416, length: 4096 },
    ]);
  });

  it('finds content where there were zeros', async () => {
    const { repository } = await make();
    const drive = new TestDrive(1_048_576);
    await backUp(repository, drive);
    await drive.device.write(noise(100, 1), 500_000);
    const choice = await openPoint(repository, {});
    const found = await verifyAgainst({ repository, source: drive.device, point: choice });
    expect(found.ranges).toEqual([{ offset: 499_712, length: 4096 }]);
  });
});

describe('digests for a bitmap that was lost', () => {
  it('are those of the newest point that began it', async () => {
    const { repository, drive } = await withThreePoints();
    await backUpDrives({
      repository,
      drives: [{ source: drive.device, drive: drive.identity }],
    });
    const about = { drive: { id: 'drive' }, bitmap: 'nightly' };
    const digests = await digestsForBitmap(repository, about);
    expect(digests).toMatchObject({ checkpoint: drive.checkpoint, size: 1_048_576 });
    let next = 0;
    for await (const run of digests.runs()) {
      expect(run.first).toBe(next);
      next += run.count;
    }
    expect(next).toBe(256);
    const other = digestsForBitmap(repository, { ...about, bitmap: 'weekly' });
    await expect(other).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  });

  it('are those of an older point where a newer one cannot be read, on which the next increment stands', async () => {
    const { store, repository, drive, contents } = await withThreePoints();
    const [second, third] = [
      await openPoint(repository, { point: '2' }),
      await openPoint(repository, { point: '3' }),
    ];
    await store.delete(`points/${third.id}`);
    const about = { drive: { id: 'drive' }, size: 1_048_576, bitmap: 'nightly' };
    const digests = await planRepositoryRescan(repository, about);
    expect(digests).toMatchObject({
      point: { number: 2 },
      checkpoint: second.checkpoint,
      passedOver: [{ number: 3, problem: expect.stringContaining('missing') }],
    });
    // What the rescan leaves: what differs from that point, since that point.
    const differing = new DirtyBitmap(1_048_576, 4096);
    differing.set(0, 524_288);
    const bitmap = { ...drive.followed(), content: differing, checkpoint: digests.checkpoint };
    const [next] = await backUpDrives({
      repository,
      drives: [{ source: drive.device, drive: drive.identity, bitmap }],
    });
    expect(next!.manifest).toMatchObject({ kind: 'incremental', parent: second.id });
    expect((await restored(repository, { point: '4' })).equals(contents[2]!)).toBe(true);
  });

  it('are refused where nothing that can be read began it, and something that cannot may have', async () => {
    const { store, repository } = await withThreePoints();
    for (const point of ['3', '2', '1']) {
      const { id } = await openPoint(repository, { point });
      await store.delete(`points/${id}`);
    }
    const digests = digestsForBitmap(repository, { drive: { id: 'drive' }, bitmap: 'nightly' });
    await expect(digests).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
  });

  it('are refused where a map is damaged, or a named point, and the way out is named', async () => {
    const { store, repository } = await withThreePoints();
    const about = { drive: { id: 'drive' }, bitmap: 'nightly' };
    const refused = {
      code: 'BACKUP_CORRUPT',
      context: { hint: expect.stringMatching(/began bitmap 'nightly' \(--point\).*full backup/) },
    };
    const third = await openPoint(repository, { point: '3' });
    const { blobs } = await repository.index();
    const node = blobs.place(blobs.find(fromHex(third.manifest.map!)));
    await store.delete(packKey(blobs.packs[node.pack]!));
    await expect(digestsForBitmap(repository, about)).rejects.toMatchObject(refused);
    const { point } = await digestsForBitmap(repository, { ...about, point: '2' });
    expect(point.number).toBe(2);
    await store.delete(`points/${third.id}`);
    const named = digestsForBitmap(repository, { ...about, point: '3' });
    await expect(named).rejects.toMatchObject(refused);
  });
});

it('a prune removes records of what was read for backups that were cut off a week ago', async () => {
  const HOUR = 3_600_000;
  let time = 0;
  const store = new MemoryObjectStore({ now: () => time });
  const repository = await createRepository(store);
  const records = [0, 1, 24 * 6].map((hours) => {
    const key = `tries/${String(hours).padStart(32, '0')}/${'0'.repeat(32)}/00000000`;
    return { key, stored: hours * HOUR };
  });
  for (const { key, stored } of records) {
    time = stored;
    await store.putIfAbsent(key, new Uint8Array(1));
  }
  const prunedAt = async (hours: number, grace?: number) => {
    await prune({ repository, grace, now: () => hours * HOUR });
    return (await keysIn(store, 'tries/')).length;
  };
  expect(await prunedAt(24 * 7 - 1, 0)).toBe(3);
  expect(await prunedAt(24 * 7)).toBe(2);
  expect(await prunedAt(24 * 13 - 1, 14 * 24 * HOUR)).toBe(2);
  expect(await prunedAt(24 * 13 - 1)).toBe(1);
});
