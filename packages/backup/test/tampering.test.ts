import fc from 'fast-check';
import type { Volume } from 'memfs';
import { describe, expect, it } from 'vitest';
import { type FileSystem, openBackupDirectory, restore, verify } from '../src/index.ts';
import { memoryFiles } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

const SIZE = 128 * 1024;
const NAMES = ['000001-full', '000002-incremental', '000003-incremental'] as const;

/** Three restore points of one drive. */
async function chain(seed = 1, id = 'drive-1') {
  const { fs, volume } = memoryFiles();
  const drive = new TrackedDrive(SIZE);
  const identity = { id, label: 'disk.raw', format: 'raw' };
  for (const point of [1, 2, 3]) {
    await drive.fill(point * 8192, 12_288, seed * 10 + point);
    await drive.backup('/b', { fs, drive: identity });
  }
  return { fs, volume, drive };
}

/** Restores the newest point and tells the code of the refusal; nothing may be written. */
async function refusal(fs: FileSystem, options: { point?: string; checkDataFirst?: boolean } = {}) {
  const target = new TestDevice(SIZE);
  const code = await restore({ directory: '/b', target, fs, ...options }).then(
    () => 'restored',
    (error: { code?: string }) => error.code,
  );
  expect(target.calls).toMatchObject({ writes: 0, zeroedBytes: 0 });
  return code;
}

function copyFolder(from: Volume, to: Volume, source: string, target = source): void {
  for (const name of ['manifest.json', 'data', 'index']) {
    to.mkdirSync(`/b/${target}`, { recursive: true });
    to.writeFileSync(`/b/${target}/${name}`, from.readFileSync(`/b/${source}/${name}`));
  }
}

function flip(volume: Volume, path: string, at: number): void {
  const bytes = Buffer.from(volume.readFileSync(path));
  bytes[at]! ^= 0x20;
  volume.writeFileSync(path, bytes);
}

describe('restore refuses, before it writes anything,', () => {
  it('a chain whose middle or first point is gone', async () => {
    for (const name of [NAMES[0], NAMES[1]]) {
      const { fs } = await chain();
      await fs.rm(`/b/${name}`, { recursive: true, force: false });
      expect(await refusal(fs)).toBe('BACKUP_PARENT_MISMATCH');
    }
  });

  it('a parent of another history of the same drive', async () => {
    const ours = await chain(1);
    const theirs = await chain(2);
    copyFolder(theirs.volume, ours.volume, NAMES[1]);
    expect(await refusal(ours.fs)).toBe('BACKUP_PARENT_MISMATCH');
    copyFolder(theirs.volume, ours.volume, NAMES[0]);
    // 000003 still names our 000002, though theirs is whole.
    expect(await refusal(ours.fs)).toBe('BACKUP_PARENT_MISMATCH');
  });

  it('a parent of another drive', async () => {
    const ours = await chain(1);
    const theirs = await chain(1, 'drive-2');
    copyFolder(theirs.volume, ours.volume, NAMES[0]);
    expect(await refusal(ours.fs)).toBe('BACKUP_PARENT_MISMATCH');
  });

  it('manifests that were swapped, and a folder that was renamed', async () => {
    const { fs, volume } = await chain();
    const [a, b] = [`/b/${NAMES[1]}/manifest.json`, `/b/${NAMES[2]}/manifest.json`];
    const [bytesA, bytesB] = [volume.readFileSync(a), volume.readFileSync(b)];
    volume.writeFileSync(a, bytesB);
    volume.writeFileSync(b, bytesA);
    expect(await refusal(fs)).toBe('BACKUP_CORRUPT');
    const other = await chain();
    other.volume.renameSync(`/b/${NAMES[2]}`, '/b/000004-incremental');
    expect(await refusal(other.fs)).toBe('BACKUP_CORRUPT');
  });

  it('an index or data file of another point, or of another length', async () => {
    for (const file of ['index', 'data']) {
      for (const spoil of ['swap', 'cut', 'grow', 'remove']) {
        const { fs, volume } = await chain();
        const path = `/b/${NAMES[1]}/${file}`;
        const bytes = Buffer.from(volume.readFileSync(path));
        if (spoil === 'swap')
          volume.writeFileSync(path, volume.readFileSync(`/b/${NAMES[0]}/${file}`));
        else if (spoil === 'cut') volume.writeFileSync(path, bytes.subarray(0, -1));
        else if (spoil === 'grow') volume.writeFileSync(path, Buffer.concat([bytes, bytes]));
        else volume.unlinkSync(path);
        const code = await refusal(fs, { checkDataFirst: spoil === 'swap' });
        expect([file, spoil, code]).toEqual([file, spoil, 'BACKUP_CORRUPT']);
      }
    }
  });

  it('any changed byte of a manifest or an index, of every point', async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(...NAMES),
      fc.constantFrom('manifest.json', 'index'),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      async (name, file, where) => {
        const { fs, volume } = await chain();
        const path = `/b/${name}/${file}`;
        flip(volume, path, Math.floor(where * volume.statSync(path).size));
        expect(await refusal(fs)).toBe('BACKUP_CORRUPT');
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('any changed byte of the data, when it is told to check that first', async () => {
    const { fs, volume } = await chain();
    flip(volume, `/b/${NAMES[0]}/data`, 100);
    expect(await refusal(fs, { checkDataFirst: true })).toBe('BACKUP_CORRUPT');
  });

  it('manifests that are no manifests', async () => {
    const { volume: pristine } = await chain();
    const text = String(pristine.readFileSync(`/b/${NAMES[0]}/manifest.json`));
    const json: unknown = JSON.parse(text);
    const texts = [
      '',
      'null',
      '[]',
      '{',
      '{"format":"tidemark-backup"}',
      JSON.stringify(json),
      text.replace('"version": 1', '"version": 2'),
      ' '.repeat(2 * 1024 * 1024),
    ];
    for (const each of texts) {
      const { fs, volume } = await chain();
      volume.writeFileSync(`/b/${NAMES[0]}/manifest.json`, each);
      expect(await refusal(fs)).toBe('BACKUP_CORRUPT');
    }
  });
});

describe('damaged data', () => {
  it('is never written, also where it is met on the way', async () => {
    const { fs, volume, drive } = await chain();
    flip(volume, `/b/${NAMES[2]}/data`, 5000);
    const target = new TestDevice(SIZE);
    await expect(restore({ directory: '/b', target, fs })).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
      context: { where: `/b/${NAMES[2]}/data`, offset: 3 * 8192 + 4096 },
    });
    const [found, wanted] = [await target.content(), await drive.device.content()];
    const wrong = found.filter((byte, at) => byte !== 0 && byte !== wanted[at]);
    expect(wrong).toHaveLength(0);
  });

  it('is found by verify, which names its ranges and the points that are whole', async () => {
    const { fs, volume } = await chain();
    flip(volume, `/b/${NAMES[0]}/data`, 0);
    flip(volume, `/b/${NAMES[0]}/data`, 4096);
    flip(volume, `/b/${NAMES[1]}/data`, 8192);
    const report = await verify({ directory: '/b', fs });
    expect(report.points).toEqual(NAMES);
    expect(report.problems).toMatchObject([
      { point: NAMES[0], ranges: [{ offset: 8192, length: 8192 }] },
      { point: NAMES[1], ranges: [{ offset: 2 * 8192 + 8192, length: 4096 }] },
    ]);
    const first = await verify({ directory: '/b', point: '1', fs });
    expect(first.points).toEqual([NAMES[0]]);
  });

  it('does not hide other restore points from list and verify', async () => {
    const { fs, volume } = await chain();
    volume.writeFileSync(`/b/${NAMES[1]}/manifest.json`, '{}');
    volume.mkdirSync('/b/000009-full.partial');
    volume.writeFileSync('/b/notes.txt', 'mine');
    const points = await (await openBackupDirectory('/b', { fs })).list();
    expect(points.map((point) => [point.name, 'problem' in point])).toEqual([
      [NAMES[0], false],
      [NAMES[1], true],
      [NAMES[2], false],
    ]);
    const { problems } = await verify({ directory: '/b', fs });
    expect(problems.map(({ point, error }) => [point, error.code])).toEqual([
      [NAMES[1], 'BACKUP_CORRUPT'],
      [NAMES[2], 'BACKUP_CORRUPT'],
    ]);
    expect(await refusal(fs, { point: NAMES[2] })).toBe('BACKUP_CORRUPT');
    const target = new TestDevice(SIZE);
    await restore({ directory: '/b', point: NAMES[0], target, fs });
  });
});
