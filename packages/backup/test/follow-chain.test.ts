import { DirtyBitmap } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restore } from '../src/index.ts';
import { ChainedDrive } from './support/chained-drive.ts';
import { memoryFiles, watched } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';

const SIZE = 64 * 1024;

async function expectRestored(drive: ChainedDrive, fs: ReturnType<typeof memoryFiles>['fs']) {
  const target = new TestDevice(SIZE);
  await restore({ directory: '/b', target, fs });
  expect((await target.content()).equals(await drive.device.content())).toBe(true);
}

describe('a chain of backups', () => {
  it('has one bitmap, named for the restore point that began it', async () => {
    const { fs } = memoryFiles();
    const drive = new ChainedDrive(SIZE);
    for (const kind of ['full', 'incremental', 'incremental']) {
      await drive.fill(8192, 100, 1);
      const { manifest } = await drive.backup('/b', fs);
      expect(manifest.kind).toBe(kind);
      expect(drive.names).toEqual([manifest.bitmap?.name]);
      expect(manifest.bitmap?.name).toBe(`daily@${manifest.bitmap?.checkpoint}`);
    }
    await expectRestored(drive, fs);
  });

  it('is full when its bitmap did not record', async () => {
    const { fs } = memoryFiles();
    const drive = new ChainedDrive(SIZE);
    const { manifest } = await drive.backup('/b', fs);
    const { name } = manifest.bitmap!;
    await using store = await drive.open();
    const content = await store.load(name);
    await store.commit([{ op: 'store', name, content, enabled: false }]);
    await drive.fill(0, 4096, 1);
    const next = await drive.backup('/b', fs);
    expect(next.manifest.reason).toBe(`bitmap '${name}' is disabled and misses writes`);
    await expectRestored(drive, fs);
  });

  it('leaves the bitmaps of others alone', async () => {
    const { fs } = memoryFiles();
    const drive = new ChainedDrive(SIZE);
    const others = ['daily', 'daily@x', `daily@${'A'.repeat(32)}`, `dail@${'0'.repeat(32)}`];
    await using store = await drive.open();
    const content = new DirtyBitmap(SIZE, 4096);
    await store.commit(
      others.map((name) => ({ op: 'create', name, enabled: true, content }) as const),
    );
    await drive.backup('/b', fs);
    await drive.backup('/b', fs);
    expect(drive.names.slice(0, -1)).toEqual(others);
  });

  it.each([
    ['before', 'incremental'],
    ['after', 'incremental'],
  ] as const)(
    'A6 stands on the point that began its bitmap when the next could not begin: %s',
    async (fails, kind) => {
      const { fs } = memoryFiles();
      const drive = new ChainedDrive(SIZE);
      await drive.backup('/b', fs);
      await drive.fill(0, 4096, 1);
      drive.fails = fails;
      await expect(drive.backup('/b', fs)).rejects.toThrow('did not begin anew');
      await drive.fill(8192, 4096, 2);
      const { manifest } = await drive.backup('/b', fs);
      const parent = fails === 'before' ? '000001-full' : '000002-incremental';
      expect(manifest).toMatchObject({ kind, parent: { point: parent } });
      await expectRestored(drive, fs);
    },
  );

  it('A6 is right whatever fails between two backups, and whenever', async () => {
    const step = fc.record({
      at: fc.nat(15),
      value: fc.integer({ min: 1, max: 255 }),
      /** The call to the file system that is the last one. */
      dies: fc.option(fc.nat(60), { nil: undefined }),
      fails: fc.constantFrom(undefined, undefined, 'before' as const, 'after' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        const { fs } = memoryFiles();
        const drive = new ChainedDrive(SIZE);
        for (const { at, value, dies, fails } of steps) {
          await drive.fill(at * 4096, 4096, value);
          let calls = 0;
          const mortal = watched(fs, () => {
            if (calls++ === dies) throw new Error('killed');
          });
          drive.fails = fails;
          await drive.backup('/b', mortal).catch(() => {});
          drive.fails = undefined;
          await fs.rm('/b/.lock', { recursive: true, force: true });
        }
        await drive.backup('/b', fs);
        await expectRestored(drive, fs);
      }),
      { numRuns: 30 },
    );
  });
});
