import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BitmapChange, DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { checkpointsOf, makeImage, SIZE, withStore } from './support/images.ts';

const dir = tempDir();
let count = 0;
const content = new DirtyBitmap(SIZE, 65_536);
const names = (total: number) => Array.from({ length: total }, (_, i) => `b${i}`);
const newPath = () => join(dir, `${count++}.qcow2`);

function storing(name: string, digit: string): BitmapChange {
  return { op: 'store', name, content, checkpoint: digit.repeat(32) };
}

async function keptIn(path: string): Promise<readonly string[]> {
  const all = Object.entries(await checkpointsOf(path));
  return all.flatMap(([name, checkpoint]) => (checkpoint === undefined ? [] : name));
}

describe('checkpoints', () => {
  it.each([9, 100])(
    'of %i bitmaps: those of eight are kept, which were given last',
    async (total) => {
      const path = newPath();
      await makeImage(path, { checkpoints: names(total) });
      expect(await keptIn(path)).toEqual(names(total).slice(-8));
      await withStore(path, async (store) => {
        const [first] = await store.list();
        expect(first).toMatchObject({
          checkpointLost:
            'its image has room for the checkpoints of 8 bitmaps, and keeps those of 8 others',
        });
        await store.commit([storing('b0', 'a')]);
        const last = (await store.list()).map(({ checkpoint }) => checkpoint !== undefined);
        expect(last.filter(Boolean).length).toBe(8);
      });
      expect(await keptIn(path)).toEqual(['b0', ...names(total).slice(-7)]);
    },
  );

  it('that had no room in a session have it when another bitmap goes', async () => {
    const path = newPath();
    await makeImage(path, {});
    await withStore(path, async (store) => {
      for (const name of names(9)) {
        await store.commit([{ op: 'create', name, enabled: true, content }]);
        await store.commit([storing(name, 'c')]);
      }
      await store.commit([{ op: 'remove', name: 'b8' }]);
    });
    expect(await keptIn(path)).toEqual(names(8));
  });

  it.each([
    ['a backing file with a format', { backing: { name: 'base.raw', format: 'raw' } }, 7],
    ['a long name', { backing: { name: 'x'.repeat(1000), format: 'raw' } }, 7],
    ['clusters of 512 bytes', { clusterSize: 512 }, 2],
    [
      'a name in clusters of 512 bytes',
      { clusterSize: 512, backing: { name: 'b'.repeat(200) } },
      0,
    ],
  ])('are as many as there is room for: %s', async (_, options, kept) => {
    const path = newPath();
    await makeImage(path, { checkpoints: names(9), ...options });
    expect(await keptIn(path)).toEqual(names(9).slice(9 - kept));
    if (kept > 0) return;
    await withStore(path, async (store) => {
      expect((await store.list())[0]).toMatchObject({
        checkpointLost: 'the header of its image has no room to keep it',
      });
    });
  });

  it('A6 count no more when the autoclear bit is gone, by which QEMU says that it was there', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a'] });
    const bytes = readFileSync(path);
    // qcow2.rst, "Header": bytes 88 to 95; bit 62 is in the first one.
    bytes[88]! &= ~0x40;
    writeFileSync(path, bytes);
    expect(await keptIn(path)).toEqual([]);
    await withStore(path, (store) =>
      store.commit([{ op: 'create', name: 'b', enabled: true, content }]),
    );
    expect(await keptIn(path)).toEqual([]);
  });

  it('A6 count no more where the directory is another one, though the bit is there', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a'] });
    const bytes = readFileSync(path);
    // The directory's place, and the flags of its first entry: qcow2.rst, "Bitmaps extension".
    const directory = Number(bytes.readBigUInt64BE(112 + 8 + 16));
    bytes.writeUInt32BE(bytes.readUInt32BE(directory + 12) & ~2, directory + 12);
    writeFileSync(path, bytes);
    expect(await keptIn(path)).toEqual([]);
  });

  it('A11 count no more when the disk has another size than then', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a'] });
    const bytes = readFileSync(path);
    // qcow2.rst, "Header": bytes 24 to 31.
    bytes.writeBigUInt64BE(BigInt(SIZE - 65_536), 24);
    writeFileSync(path, bytes);
    expect(await keptIn(path)).toEqual([]);
  });

  it('A7 A16: bitmaps that nothing vouches for are not revived, nor are their checkpoints', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a'] });
    const bytes = readFileSync(path);
    bytes[95]! &= ~1;
    writeFileSync(path, bytes);
    await withStore(path, async (store) => {
      expect(await store.list()).toEqual([]);
      await store.commit([{ op: 'create', name: 'a', enabled: true, content }]);
    });
    expect(await checkpointsOf(path)).toEqual({ a: undefined });
  });

  it('A16 end when the bitmap is cleared or switched off', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a', 'b'] });
    await withStore(path, (store) =>
      store.commit([{ op: 'store', name: 'a', enabled: false, content, checkpoint: null }]),
    );
    expect(await keptIn(path)).toEqual(['b']);
  });

  it('A13 are of names that QEMU can open, so there is none without bytes or with a NUL', async () => {
    const path = newPath();
    await makeImage(path, { checkpoints: ['a'] });
    await withStore(path, async (store) => {
      for (const name of ['', 'a\0b']) {
        const made = store.commit([{ op: 'create', name, enabled: true, content }]);
        await expect(made).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
      }
    });
    expect(await keptIn(path)).toEqual(['a']);
  });
});
