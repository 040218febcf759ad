import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SequentialFile } from '../src/files/sequential-file.ts';
import { IndexHeader, IndexRun } from '../src/format/index-file.ts';
import { type GranuleRun, readIndex } from '../src/format/index-reader.ts';
import { IndexWriter } from '../src/format/index-writer.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../src/format/manifest.ts';
import { isLeftover, parsePointName } from '../src/format/names.ts';
import { memoryFiles } from './support/memory-files.ts';

const DRIVE = { size: 8 * 4096 + 10, granularity: 4096 };
const SHA = 'ab'.repeat(32);

function manifestOf(index: { size: number; sha256: string }, totals: Manifest['totals']): Manifest {
  return {
    point: '000002-incremental',
    created: '2026-09-01T12:00:00.000Z',
    kind: 'incremental',
    reason: 'because',
    parent: { point: '000001-full', digest: SHA },
    drive: { id: 'id', label: 'a "checksum": "b"', format: 'raw', size: DRIVE.size },
    granularity: DRIVE.granularity,
    bitmap: { name: 'daily', granularity: 65_536, checkpoint: 'cd'.repeat(16) },
    files: {
      data: { name: 'data', size: totals.dataBytes, sha256: SHA },
      index: { name: 'index', ...index },
    },
    totals,
  };
}

const digest = (byte: number) => new Uint8Array(16).fill(byte);
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const HEADER = '544d4249 00000001 00001000 00000000 000000000000800a 0000000000000000';

// Granules 1 and 2 data, 3 to 5 zero, 8 (10 bytes) data.
const INDEX = hex(`${HEADER}
  0000000000000001 0000000000000002 00000001 00000000 ${'11'.repeat(16)} ${'22'.repeat(16)}
  0000000000000003 0000000000000003 00000002 00000000
  0000000000000008 0000000000000001 00000001 00000000 ${'33'.repeat(16)}`);
const TOTALS = { granules: 6, dataBytes: 2 * 4096 + 10, zeroBytes: 3 * 4096 };

async function read(bytes: Uint8Array, totals = TOTALS, change: Partial<Manifest> = {}) {
  const { fs, volume } = memoryFiles();
  volume.writeFileSync('/index', bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const manifest = { ...manifestOf({ size: bytes.length, sha256 }, totals), ...change };
  const runs: GranuleRun[] = [];
  for await (const run of readIndex(fs, '/index', manifest)) runs.push(run);
  return runs;
}

describe('index', () => {
  it('has the bytes that docs/format-v1.md tells', async () => {
    expect([IndexHeader.size, IndexRun.size]).toEqual([32, 24]);
    const { fs, volume } = memoryFiles();
    const writer = await IndexWriter.create(await SequentialFile.create(fs, '/index'), DRIVE);
    await writer.addData(1, digest(0x11));
    await writer.addData(2, digest(0x22));
    await writer.addZeros(3, 1);
    await writer.addZeros(4, 2);
    await writer.addData(8, digest(0x33));
    const { size, sha256 } = await writer.finish();
    expect(Buffer.from(volume.readFileSync('/index')).toString('hex')).toBe(INDEX.toString('hex'));
    expect([size, sha256]).toEqual([
      INDEX.length,
      createHash('sha256').update(INDEX).digest('hex'),
    ]);
  });

  it('is read back as runs that know where their data is', async () => {
    expect(await read(INDEX)).toMatchObject([
      { kind: 'data', first: 1, count: 2, dataOffset: 0 },
      { kind: 'zero', first: 3, count: 3, dataOffset: 0 },
      { kind: 'data', first: 8, count: 1, dataOffset: 8192 },
    ]);
  });

  it('cuts long runs of data, and no run of zeros', async () => {
    const drive = { size: 2 ** 40, granularity: 4096 };
    const { fs, volume } = memoryFiles();
    const writer = await IndexWriter.create(await SequentialFile.create(fs, '/index'), drive);
    for (let granule = 0; granule < 2500; granule++) await writer.addData(granule, digest(1));
    await writer.addZeros(2500, 2 ** 28 - 2500);
    const index = await writer.finish();
    expect(volume.statSync('/index').size).toBe(32 + 4 * 24 + 2500 * 16);
    const totals = { granules: 2 ** 28, dataBytes: 2500 * 4096, zeroBytes: 2 ** 40 - 2500 * 4096 };
    const base = manifestOf(index, totals);
    const manifest = { ...base, drive: { ...base.drive, size: drive.size } };
    const counts: number[] = [];
    for await (const run of readIndex(fs, '/index', manifest)) counts.push(run.count);
    expect(counts).toEqual([1024, 1024, 452, 2 ** 28 - 2500]);
  });

  const run = (first: string, count: string, kind: string, rest = '00000000') =>
    hex(HEADER + first.padStart(16, '0') + count.padStart(16, '0') + kind.padStart(8, '0') + rest);
  it.each([
    ['is empty', hex(''), 'cut short|inside a run'],
    ['has another magic', hex(HEADER.replace('544d', '544e')), 'not an index'],
    ['has another version', hex(HEADER.replace('00000001', '00000002')), 'not an index'],
    ['has another granularity', hex(HEADER.replace('00001000', '00002000')), 'another drive'],
    ['has another drive size', hex(HEADER.replace('800a', '800b')), 'another drive'],
    ['has a run that is cut short', INDEX.subarray(0, -1), 'inside a run'],
    ['has a run head that is cut short', INDEX.subarray(0, 40), 'inside a run'],
    ['has bytes behind the last run', Buffer.concat([INDEX, hex('00')]), 'inside a run'],
    ['has a run of an unknown kind', run('0', '1', '3'), 'kind 3'],
    ['has a run of none', run('0', '0', '2'), 'empty'],
    ['has a run behind the end', run('8', '2', '2'), 'leaves the drive'],
    ['has a run of 2^64 - 1', run('1', 'f'.repeat(16), '2'), 'leaves the drive'],
    ['has a run from 2^64 - 1', run('f'.repeat(16), '1', '2'), 'leaves the drive'],
    ['has reserved bytes that are set', run('0', '1', '2', '00000001'), 'is damaged'],
    [
      'has runs that overlap',
      Buffer.concat([run('0', '4', '2'), run('3', '1', '2').subarray(32)]),
      'overlap',
    ],
    ['has too little', INDEX.subarray(0, INDEX.length - 40), 'totals'],
  ])('is refused when it %s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
      message: expect.stringMatching(message),
    });
  });

  it('of a full point covers the drive', async () => {
    await expect(read(INDEX, TOTALS, { kind: 'full', parent: null })).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
      message: expect.stringContaining('leaves granules out'),
    });
  });

  it('with a run of data that would be too large to hold is refused', async () => {
    const drive = { id: 'id', label: '', format: 'raw', size: 2 ** 40 };
    const bytes = Buffer.concat([
      hex(HEADER.replace('000000000000800a', '0000010000000000')),
      run('0', '401', '1').subarray(32),
    ]);
    await expect(read(bytes, TOTALS, { drive })).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
      message: expect.stringContaining('too long'),
    });
  });
});

describe('manifest', () => {
  const manifest = manifestOf({ size: 32, sha256: SHA }, TOTALS);

  it('comes back as it was', () => {
    const bytes = encodeManifest(manifest);
    expect(decodeManifest(bytes, 'm')).toEqual(manifest);
    expect(decodeManifest(encodeManifest({ ...manifest, bitmap: null }), 'm').bitmap).toBeNull();
  });

  it('has a checksum of its own bytes with zeros in its place', () => {
    const text = new TextDecoder().decode(encodeManifest(manifest));
    const checksum = /"checksum": "(.{64})"\n/.exec(text)![1]!;
    const blanked = text.replace(checksum, '0'.repeat(64));
    expect(createHash('sha256').update(blanked).digest('hex')).toBe(checksum);
  });

  it.each<[string, object]>([
    ['a negative size', { drive: { ...manifest.drive, size: -1 } }],
    ['a size beyond 2^53', { drive: { ...manifest.drive, size: 2 ** 60 } }],
    ['a size in words', { drive: { ...manifest.drive, size: '5' } }],
    ['no drive', { drive: null }],
    ['a granularity that is none', { granularity: 5000 }],
    ['a kind that is none', { kind: 'differential' }],
    ['an increment without a parent', { parent: null }],
    ['a full point with a parent', { kind: 'full' }],
    ['a parent without a digest', { parent: { point: '000001-full', digest: 'abc' } }],
    ['a name of a file that leads away', { files: { ...manifest.files, data: { name: '../x' } } }],
    ['a bitmap without a checkpoint', { bitmap: { name: 'daily', granularity: 65_536 } }],
    ['data of another size than its totals', { totals: { ...TOTALS, dataBytes: 1 } }],
    ['a label of a megabyte', { drive: { ...manifest.drive, label: 'x'.repeat(2 ** 20) } }],
  ])('is refused with %s', (_, change) => {
    const bytes = encodeManifest({ ...manifest, ...change });
    expect(() => decodeManifest(bytes, 'm')).toThrow(
      expect.objectContaining({ code: 'BACKUP_CORRUPT' }),
    );
  });

  it('may hold members that this version does not know', () => {
    const later = { ...manifest, epoch: 'later' };
    expect(decodeManifest(encodeManifest(later), 'm')).toEqual(manifest);
  });
});

describe('names', () => {
  it.each([
    ['000001-full', { number: 1, kind: 'full' }],
    ['999999-incremental', { number: 999_999, kind: 'incremental' }],
    ['1-full', undefined],
    ['0000001-full', undefined],
    ['000001-full.partial', undefined],
    ['000001-Full', undefined],
  ])('reads %s', (name, parsed) => expect(parsePointName(name)).toEqual(parsed));

  it('takes only what backups leave for leftovers', () => {
    const names = ['000001-full.partial', 'head.json.partial', '.lock.x', '.lock', 'notes.partial'];
    expect(names.map(isLeftover)).toEqual([true, true, true, false, false]);
  });
});
