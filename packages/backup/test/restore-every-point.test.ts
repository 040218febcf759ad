import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GranuleRun, openBackupDirectory, restore, verify } from '../src/index.ts';
import { memoryFiles } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

const position = fc.double({ min: 0, max: 1, noNaN: true });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom('write', 'zero', 'zeros as data' as const),
      at: position,
      length: fc.integer({ min: 1, max: 9000 }),
      value: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('resize' as const),
      // Few sizes, so that a drive comes back to one that it had.
      size: fc.constantFrom(1, 5000, 9000, 20_000, 39_999),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('backup' as const),
      mode: fc.constantFrom('auto', 'auto', 'auto', 'auto', 'full' as const),
      withBitmap: fc.constantFrom(true, true, true, true, true, false),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Plays steps on a drive, and remembers what it held at each restore point. */
async function play(drive: TrackedDrive, steps: readonly Step[]) {
  const { fs } = memoryFiles();
  const contents = new Map<string, Buffer>();
  for (const each of steps) {
    const { size } = drive.device;
    if (each.op === 'resize') await drive.resize(each.size);
    else if (each.op === 'backup') {
      const options = { fs, mode: each.mode, ...(each.withBitmap ? {} : { bitmap: undefined }) };
      const { point } = await drive.backup('/b', options);
      contents.set(point, await drive.device.content());
    } else {
      const offset = Math.floor(each.at * (size - 1));
      const length = Math.min(each.length, size - offset);
      if (each.op === 'zero') await drive.zero(offset, length);
      else await drive.fill(offset, length, each.op === 'write' ? each.value : 0);
    }
  }
  return { fs, contents };
}

describe('a directory of restore points', () => {
  it('gives back the drive as it was at every one of them', async () => {
    let increments = 0;
    const sizes = fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(9000, 20_000));
    const property = fc.asyncProperty(
      sizes,
      fc.constantFrom(512, 4096, 16_384),
      fc.array(step, { minLength: 10, maxLength: 40 }),
      async (size, granularity, steps) => {
        const { fs, contents } = await play(new TrackedDrive(size, granularity), steps);
        for (const [point, content] of contents) {
          const target = new TestDevice(content.length);
          // What is there before must not shine through.
          await target.write(Buffer.alloc(content.length, 0xee), 0);
          await restore({ directory: '/b', point, target, fs });
          expect((await target.content()).equals(content)).toBe(true);
          if (point.endsWith('incremental')) increments++;
        }
        if (contents.size === 0) return;
        expect((await verify({ directory: '/b', fs })).problems).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 250 });
    expect(increments).toBeGreaterThan(50);
  });

  it('restores into a target of zeros without writing zeros', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(1024 * 1024);
    await drive.fill(8192, 4096, 7);
    await drive.backup('/b', { fs });
    const target = new TestDevice(1024 * 1024);
    await restore({ directory: '/b', target, targetIsZero: true, fs });
    expect((await target.content()).equals(await drive.device.content())).toBe(true);
    expect(target.calls).toMatchObject({ writes: 1, zeroedBytes: 0, flushes: 1 });
  });

  it('tells the digests at a restore point, composed over its chain', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(6 * 4096);
    await drive.fill(0, 3 * 4096, 1);
    await drive.backup('/b', { fs });
    await drive.fill(4096, 4096, 2);
    await drive.zero(2 * 4096, 4096);
    await drive.backup('/b', { fs });
    const directory = await openBackupDirectory('/b', { fs });
    const runs: GranuleRun[] = [];
    for await (const run of directory.digestsAt('000002-incremental')) runs.push(run);
    expect(runs.map(({ kind, first, count }) => `${kind} ${first}+${count}`)).toEqual([
      'data 0+1',
      'data 1+1',
      'zero 2+1',
      'zero 3+3',
    ]);
    // printf of 4096 bytes 0x02 | sha256sum, the first 16 bytes.
    const digest = Buffer.from(runs[1]!.digests).toString('hex');
    expect(digest).toBe('30d6bc164ea54188aa9df0c14f20c4fb');
  });

  it('refuses a target of another size before it writes', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(8192);
    await drive.backup('/b', { fs });
    const target = new TestDevice(4096);
    await expect(restore({ directory: '/b', target, fs })).rejects.toMatchObject({
      code: 'BACKUP_DRIVE_MISMATCH',
    });
    expect(target.calls).toMatchObject({ writes: 0, zeroedBytes: 0 });
  });

  it('knows a restore point by name, by number and as the newest', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(8192);
    await drive.backup('/b', { fs });
    await drive.backup('/b', { fs });
    const directory = await openBackupDirectory('/b', { fs });
    expect(await directory.resolve()).toBe('000002-incremental');
    expect(await directory.resolve('1')).toBe('000001-full');
    expect(await directory.resolve('000002')).toBe('000002-incremental');
    await expect(directory.resolve('3')).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    await expect(directory.resolve('../x')).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    await expect(openBackupDirectory('/none', { fs })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});
