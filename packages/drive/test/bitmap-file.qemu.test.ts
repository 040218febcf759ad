import { copyFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { copyToMemory, powerCut, RecordingDevice } from '@tidemark/block/testing';
import { type BitmapFile, type BitmapStore, DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import {
  createDriveSidecar,
  type Drive,
  exportBitmaps,
  importBitmaps,
  type ImportBitmapsOptions,
  openDrive,
  openDriveBitmaps,
  readBitmapFile,
} from '../src/index.ts';

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

/** Works on the bitmaps of a drive at rest. */
async function at<T>(
  path: string,
  work: (drive: Drive, store: BitmapStore) => Promise<T>,
): Promise<T> {
  const drive = await openDrive(path, { access: 'bitmaps', format: formatOf(path) });
  try {
    const { store } = await openDriveBitmaps(drive, { create: true });
    try {
      return await work(drive, store!);
    } finally {
      await store!.close();
    }
  } finally {
    await drive.device.close();
  }
}

const formatOf = (path: string) => (path.endsWith('.raw') ? 'raw' : 'qcow2');

async function importInto(path: string, from: string, options: Partial<ImportBitmapsOptions> = {}) {
  const file = await readBitmapFile(from);
  const usual = { existing: 'refuse', trust: false, force: false } as const;
  return at(path, (drive, store) => importBitmaps({ drive, store, file, ...usual, ...options }));
}

async function exportFrom(path: string, to: string, ...names: readonly string[]) {
  rmSync(to, { force: true });
  return at(path, (drive, store) => exportBitmaps({ drive, store, names, path: to, force: false }));
}

async function dirtyOf(path: string, name: string): Promise<readonly number[][]> {
  return at(path, async (_, store) =>
    Array.from((await store.load(name)).dirtyExtents(), ({ offset, length }) => [offset, length]),
  );
}

const refusal = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (isTidemarkError(error) ? error.code : String(error)),
  );

describeWithQemu('bitmaps in a file', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const to = join(dir, 'vm.bitmaps');

  async function image(name: string, ...bitmaps: readonly string[]): Promise<string> {
    const path = join(dir, name);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, String(SIZE));
    for (const bitmap of bitmaps) await run('qemu-img', 'bitmap', '--add', path, bitmap);
    return path;
  }

  async function rawDrive(name: string): Promise<string> {
    const path = join(dir, name);
    writeFileSync(path, Buffer.alloc(SIZE));
    await createDriveSidecar(path, { format: 'raw' });
    const content = new DirtyBitmap(SIZE, 65_536);
    content.set(MIB, 1);
    await at(path, (_, store) =>
      store.commit([{ op: 'create', name: 'a', enabled: true, content }]),
    );
    return path;
  }

  it('go from an image that QEMU wrote to another one, bit by bit', async () => {
    const source = await image('source.qcow2', 'a', 'b');
    await run('qemu-io', '-c', 'write 0 64k', '-c', 'write 1M 200k', source);
    await run('qemu-img', 'bitmap', '--disable', source, 'b');
    await run('qemu-io', '-c', 'write 3M 1', source);
    const exported = await exportFrom(source, to, 'a', 'b');
    expect(exported).toMatchObject([
      { name: 'a', enabled: true, isUntrusted: false, dirtyBytes: 6 * 65_536 },
      { name: 'b', enabled: false, dirtyBytes: 5 * 65_536 },
    ]);
    const target = await image('target.qcow2');
    expect(await refusal(importInto(target, to))).toBe('BITMAP_INCONSISTENT');
    expect((await importInto(target, to, { trust: true })).bitmaps).toEqual(exported);
    for (const name of ['a', 'b']) {
      expect(await dirtyOf(target, name)).toEqual(await dirtyOf(source, name));
    }
    expect(await qemuBitmaps(target)).toEqual(await qemuBitmaps(source));
    await run('qemu-img', 'check', '-q', target);
    // QEMU records on in it.
    await run('qemu-io', '-c', 'write 2M 64k', target);
    expect(await dirtyOf(target, 'a')).toContainEqual([2 * MIB, 65_536]);
  });

  it('are taken back by a drive that was not written, and by no other', async () => {
    const path = await rawDrive('one.raw');
    await exportFrom(path, to, 'a');
    await at(path, (_, store) => store.commit([{ op: 'remove', name: 'a' }]));
    expect((await importInto(path, to)).origin).toEqual({ kind: 'same' });
    expect(await dirtyOf(path, 'a')).toEqual([[MIB, 65_536]]);
    expect(await refusal(importInto(path, to))).toBe('BITMAP_EXISTS');
    const copy = join(dir, 'copy.raw');
    copyFileSync(path, copy);
    expect(await refusal(importInto(copy, to))).toBe('BITMAP_INCONSISTENT');
    expect((await importInto(copy, to, { trust: true })).origin.kind).toBe('unknown');
    // Somebody else writes it.
    writeFileSync(path, Buffer.alloc(1, 1), { flag: 'r+' });
    rmSync(`${path}.tidemark.qcow2`);
    for (const trust of [false, true]) {
      expect(await refusal(importInto(path, to, { trust }))).toBe('BITMAP_INCONSISTENT');
    }
    const forced = await importInto(path, to, { force: true });
    expect(forced.bitmaps).toMatchObject([{ name: 'a', isUntrusted: true, dirtyBytes: SIZE }]);
  });

  it('are not true of a drive whose times were put back', async () => {
    const path = await rawDrive('times.raw');
    await exportFrom(path, to, 'a');
    const drive = await openDrive(path, { format: 'raw' });
    const facts = await drive.file.facts?.();
    await drive.device.close();
    if (facts?.kind !== 'file') throw new Error('not a file');
    writeFileSync(path, Buffer.alloc(1, 1), { flag: 'r+' });
    const seconds = Number(facts.modified) / 1e9;
    utimesSync(path, seconds, seconds);
    rmSync(`${path}.tidemark.qcow2`);
    const trust = true;
    expect(await refusal(importInto(path, to, { trust }))).toBe('BITMAP_INCONSISTENT');
  });

  it('take the place of others, or are added to them', async () => {
    const source = await image('bits.qcow2', 'a');
    await run('qemu-io', '-c', 'write 0 64k', source);
    await exportFrom(source, to, 'a');
    const target = await image('others.qcow2', 'a');
    await run('qemu-io', '-c', 'write 1M 64k', target);
    await importInto(target, to, { trust: true, existing: 'merge' });
    expect(await dirtyOf(target, 'a')).toEqual([
      [0, 65_536],
      [MIB, 65_536],
    ]);
    await importInto(target, to, { trust: true, existing: 'replace' });
    expect(await dirtyOf(target, 'a')).toEqual([[0, 65_536]]);
    const small = join(dir, 'small.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', small, String(MIB));
    expect(await refusal(importInto(small, to, { force: true }))).toBe('BITMAP_INVALID');
  });

  it('that are inconsistent are exported as all dirty, where that is asked for', async () => {
    const path = await image('crashed.qcow2');
    const content = new DirtyBitmap(SIZE, 65_536);
    const name = 'a';
    await at(path, async (_, store) => {
      await store.commit([{ op: 'create', name, enabled: true, content, acquire: true }]);
    });
    expect(await refusal(exportFrom(path, to, 'a'))).toBe('BITMAP_INCONSISTENT');
    rmSync(to, { force: true });
    const force = true;
    const exported = await at(path, (drive, store) =>
      exportBitmaps({ drive, store, names: ['a'], path: to, force }),
    );
    expect(exported).toMatchObject([{ name: 'a', isUntrusted: true, dirtyBytes: SIZE }]);
    await importInto(path, to, { trust: true, existing: 'replace' });
    expect(await dirtyOf(path, 'a')).toEqual([[0, SIZE]]);
  });

  it('are all there or none, wherever a power cut ends an import', async () => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size: SIZE, clusterSize: 512 });
    const old = new DirtyBitmap(SIZE, 65_536);
    old.set(0, 1);
    const prepared = await openQcow2Store(await openQcow2(memory, { writable: true }));
    await prepared.commit([{ op: 'create', name: 'a', enabled: true, content: old }]);
    const base = await copyToMemory(memory);
    const content = new DirtyBitmap(SIZE, 4096);
    content.set(MIB, 3 * 4096);
    const bitmaps = ['a', 'b'].map((name) => ({
      ...{ name, enabled: true, isUntrusted: false },
      content,
    }));
    const file: BitmapFile = { diskSize: SIZE, origin: '{}', bitmaps };
    const pictureOf = async (device: MemoryDevice) => {
      const store = await openQcow2Store(await openQcow2(device, { writable: false }));
      const names = (await store.list()).map(({ name }) => name);
      return Promise.all(names.map(async (name) => [name, (await store.load(name)).sha256()]));
    };
    const before = await pictureOf(base);
    const recorder = await RecordingDevice.startOn(base);
    const store = await openQcow2Store(await openQcow2(recorder, { writable: true }));
    const drive: Drive = {
      ...{ path: 'memory', format: 'qcow2', access: 'bitmaps', isRemote: true, smallestBlock: 1 },
      ...{ device: recorder, file: recorder },
    };
    const how = { existing: 'replace', trust: true, force: false } as const;
    await importBitmaps({ drive, store, file, ...how });
    const after = await pictureOf(await copyToMemory(base));
    expect(after).not.toEqual(before);
    const { events } = recorder;
    for (let cut = 0; cut <= events.length; cut++) {
      for (const keeps of [() => false, () => true, (index: number) => index % 2 === cut % 2]) {
        const disk = await powerCut(recorder.base, events.slice(0, cut), keeps);
        expect([before, after]).toContainEqual(await pictureOf(disk));
      }
    }
  });
});
