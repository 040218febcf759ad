import { describe, expect, it } from 'vitest';
import { type PointDigests, planRescan, pointDigests } from '../src/index.ts';
import { memoryFiles } from './support/memory-files.ts';
import { BITMAP, TrackedDrive } from './support/tracked-drive.ts';

/** The last granule is short. */
const SIZE = 15 * 4096 + 512;
const GRANULE = 4096;

/** A full point, and an increment of granules that were written, zeroed and left alone. */
async function withTwoPoints() {
  const { fs, volume } = memoryFiles();
  const drive = new TrackedDrive(SIZE);
  await drive.fill(0, 6 * GRANULE, 1);
  await drive.fill(SIZE - 10, 10, 7);
  await drive.backup('/b', { fs });
  const first = await contentOf(drive);
  await drive.fill(2 * GRANULE, 10, 2);
  await drive.zero(4 * GRANULE, GRANULE);
  await drive.fill(9 * GRANULE, 2 * GRANULE, 3);
  await drive.backup('/b', { fs });
  return { fs, volume, drive, first, second: await contentOf(drive) };
}

async function contentOf({ device }: TrackedDrive): Promise<Uint8Array> {
  const bytes = new Uint8Array(SIZE);
  await device.read(bytes, 0);
  return bytes;
}

/** Offsets of the granules that content differs in from what was digested. */
async function differing(digests: PointDigests, content: Uint8Array): Promise<number[]> {
  const offsets: number[] = [];
  let next = 0;
  for await (const run of digests.runs()) {
    expect(run.first).toBe(next);
    next += run.count;
    for (let i = 0; i < run.count; i++) {
      const offset = (run.first + i) * digests.granularity;
      const bytes = content.subarray(offset, offset + digests.granularity);
      const digest = run.digests.subarray(i * digests.digestSize, (i + 1) * digests.digestSize);
      const isEqual =
        run.kind === 'zero'
          ? bytes.every((byte) => byte === 0)
          : Buffer.compare(digests.digest(bytes), digest) === 0;
      if (!isEqual) offsets.push(offset);
    }
  }
  expect(next).toBe(Math.ceil(SIZE / digests.granularity));
  return offsets;
}

describe('the digests of a restore point', () => {
  it('are those of the drive then, composed of all that it stands on', async () => {
    const { fs, first, second } = await withTwoPoints();
    const newest = await pointDigests('/b', { bitmap: BITMAP, fs });
    expect(newest.point).toBe('000002-incremental');
    expect(await differing(newest, second)).toEqual([]);
    expect(await differing(newest, first)).toEqual([2, 4, 9, 10].map((it) => it * GRANULE));
    const changed = second.slice();
    changed[SIZE - 1] = 8;
    expect(await differing(newest, changed)).toEqual([15 * GRANULE]);
    const earlier = await pointDigests('/b', { bitmap: BITMAP, point: '1', fs });
    expect(await differing(earlier, first)).toEqual([]);
    expect(await differing(earlier, second)).toEqual([2, 4, 9, 10].map((it) => it * GRANULE));
  });

  it('go with the checkpoint of that very point', async () => {
    const { fs, drive } = await withTwoPoints();
    const newest = await pointDigests('/b', { bitmap: BITMAP, fs });
    expect(newest).toMatchObject({ checkpoint: drive.checkpoint, size: SIZE, granularity: 4096 });
    const earlier = await pointDigests('/b', { bitmap: BITMAP, point: '000001-full', fs });
    expect(earlier.checkpoint).not.toBe(newest.checkpoint);
  });

  it('are of the newest point that began the bitmap', async () => {
    const { fs, drive } = await withTwoPoints();
    await drive.backup('/b', { fs, bitmap: undefined });
    const { point } = await pointDigests('/b', { bitmap: BITMAP, fs });
    expect(point).toBe('000002-incremental');
    const other = pointDigests('/b', { bitmap: BITMAP, point: '3', fs });
    await expect(other).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
    const unknown = pointDigests('/b', { bitmap: 'weekly', fs });
    await expect(unknown).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  });

  it.each(['000001-full', '000002-incremental'])(
    'are refused where %s is damaged',
    async (name) => {
      const { fs, volume } = await withTwoPoints();
      const path = `/b/${name}/index`;
      const bytes = volume.readFileSync(path) as Buffer;
      bytes[bytes.length - 1]! ^= 1;
      volume.writeFileSync(path, bytes);
      const refused = pointDigests('/b', { bitmap: BITMAP, fs });
      await expect(refused).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    },
  );

  it('are no use any more where an index is damaged while they are read', async () => {
    const { fs, volume, second } = await withTwoPoints();
    const digests = await pointDigests('/b', { bitmap: BITMAP, fs });
    const path = '/b/000001-full/index';
    const bytes = volume.readFileSync(path) as Buffer;
    // The digest of a granule that the increment has, too.
    bytes[32 + 24 + 2 * 16]! ^= 1;
    volume.writeFileSync(path, bytes);
    await expect(differing(digests, second)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
  });
});

describe('a rescan is planned', () => {
  const drive = { id: 'drive-1', label: 'disk.raw', format: 'raw' };

  it('where the next backup is an increment', async () => {
    const { fs } = await withTwoPoints();
    const options = { target: '/b', drive, size: SIZE, bitmap: BITMAP, fs };
    expect(await planRescan(options)).toMatchObject({ point: '000002-incremental' });
  });

  it('and refused where that is full all the same, or of another drive', async () => {
    const { fs, volume } = await withTwoPoints();
    const options = { target: '/b', drive, size: SIZE, bitmap: BITMAP, fs };
    const vain = { code: 'BACKUP_PARENT_MISMATCH' };
    await expect(planRescan({ ...options, size: SIZE + 512 })).rejects.toMatchObject(vain);
    const other = planRescan({ ...options, drive: { ...drive, id: 'drive-2' } });
    await expect(other).rejects.toMatchObject({ code: 'BACKUP_DRIVE_MISMATCH' });
    volume.unlinkSync('/b/head.json');
    await expect(planRescan(options)).rejects.toMatchObject(vain);
  });
});
