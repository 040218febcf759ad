import { MemoryObjectStore } from '@tidemark/object-store';
import {
  backUpDrives,
  createRepository,
  type Difference,
  differences,
  type OpenPoint,
  openPoint,
  type Repository,
} from '@tidemark/repository';
import { describe, expect, it, vi } from 'vitest';
import { noise, TestDrive } from './support/drives.ts';

const GRANULE = 4096;
/** Three nodes of 1024 granules under one, the last of them not full. */
const SIZE = 2600 * GRANULE + 512;

async function twoPoints(): Promise<readonly [Repository, OpenPoint, OpenPoint]> {
  const repository = await createRepository(new MemoryObjectStore());
  const drive = new TestDrive(SIZE);
  const backUp = async () => {
    const { device: source, identity } = drive;
    const drives = [{ source, drive: identity, bitmap: drive.followed() }];
    const [point] = await backUpDrives({ repository, granularity: GRANULE, drives });
    return openPoint(repository, { point: point!.id });
  };
  await drive.write(0, noise(SIZE, 1));
  const before = await backUp();
  for (const granule of [0, 1, 5, 1023, 1024, 1030, 2047, 2599]) {
    await drive.write(granule * GRANULE + 17, noise(100, granule + 2));
  }
  await drive.trim(1100 * GRANULE, 3 * GRANULE);
  await drive.write(SIZE - 1, noise(1, 7));
  return [repository, before, await backUp()];
}

async function all(found: AsyncIterable<Difference>): Promise<Difference[]> {
  const list: Difference[] = [];
  for await (const one of found) list.push(one);
  return list;
}

describe('where two points differ, from an offset on', () => {
  it('is what lies there of all of it, from the granule on that holds it', async () => {
    const [repository, before, now] = await twoPoints();
    for (const base of [before, undefined]) {
      const whole = await all(differences(repository, now, base));
      for (const granule of [0, 1, 2, 1023, 1024, 1025, 1101, 2048, 2599, 2600]) {
        const offset = Math.min(granule * GRANULE + 511, SIZE);
        const from = granule * GRANULE;
        const expected = whole.flatMap((one) => {
          const start = Math.max(one.offset, from);
          const length = one.offset + one.length - start;
          return length > 0 ? [{ ...one, offset: start, length }] : [];
        });
        expect(await all(differences(repository, now, base, { offset }))).toEqual(expected);
      }
    }
  });

  it('is found without a look at what comes before', async () => {
    const [repository, before, now] = await twoPoints();
    const reader = await repository.reader();
    vi.spyOn(repository, 'reader').mockResolvedValue(reader);
    const read = vi.spyOn(reader, 'read');
    const nodesRead = async (offset: number) => {
      read.mockClear();
      await all(differences(repository, now, before, { offset }));
      return read.mock.calls.length;
    };
    expect(await nodesRead(0)).toBe(2 + 3 * 2);
    expect(await nodesRead(1024 * GRANULE)).toBe(2 + 2 * 2);
    expect(await nodesRead(2048 * GRANULE)).toBe(2 + 2);
    expect(await nodesRead(SIZE)).toBe(2 + 2);
  });

  it('is nothing behind the end', async () => {
    const [repository, before, now] = await twoPoints();
    expect(await all(differences(repository, now, before, { offset: 4 * SIZE }))).toEqual([]);
  });
});
