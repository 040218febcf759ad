import { describe, expect, it } from 'vitest';
import { createBitmapStore } from '../src/create-bitmap-store.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { MAX_BITMAPS } from '../src/limits.ts';
import type { BitmapBackend, DirectoryEntry } from '../src/backend.ts';
import type { BitmapChange } from '../src/bitmap-change.ts';
import { makeDisk, overriding, type SoundDisk, soundBackend } from './support/sound-store.ts';

const SIZE = 65_536;

function entry(name: string, more: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return { name, granularity: 512, enabled: true, inUse: false, ...more };
}

function diskWith(...entries: DirectoryEntry[]): SoundDisk {
  const disk = makeDisk(SIZE);
  disk.entries = entries;
  disk.contents = new Map(entries.map(({ name }) => [name, new DirtyBitmap(SIZE, 512)]));
  return disk;
}

interface Notes {
  /** What each call of `replaceDirectory` was given. */
  readonly replaced: Parameters<BitmapBackend['replaceDirectory']>[];
  timesClosed: number;
}

/** A backend whose calls are noted; some members may be given. */
function notedBackend(disk: SoundDisk, members: Partial<BitmapBackend> = {}) {
  const notes: Notes = { replaced: [], timesClosed: 0 };
  const sound = overriding(soundBackend(disk, true), members);
  const backend = overriding(sound, {
    async replaceDirectory(...given) {
      notes.replaced.push(given);
      await sound.replaceDirectory(...given);
    },
    async close() {
      notes.timesClosed++;
      await sound.close();
    },
  });
  return { backend, notes };
}

const creating = (name: string): BitmapChange => {
  return { op: 'create', name, enabled: true, content: new DirtyBitmap(SIZE, 512) };
};
const storing = (name: string): BitmapChange => {
  return { op: 'store', name, content: new DirtyBitmap(SIZE, 512) };
};
const removing = (name: string): BitmapChange => ({ op: 'remove', name });

describe('opening a store', () => {
  it('closes the backend when its directory cannot be read, and says why it cannot', async () => {
    const { backend, notes } = notedBackend(diskWith(), {
      readDirectory: () => Promise.reject(new Error('no directory')),
      close: () => Promise.reject(new Error('no close')),
    });
    await expect(createBitmapStore(backend)).rejects.toThrow('no directory');
    expect(notes.timesClosed).toBe(1);
  });
});

describe('entries that the backend knows to be wrong', () => {
  const wrong = entry('wrong', { reason: 'the drive was changed' });

  it('are inconsistent with the reason, and can only be removed', async () => {
    const disk = diskWith(wrong, entry('a', { inUse: true }));
    const store = await createBitmapStore(notedBackend(disk).backend);
    expect(await store.list()).toMatchObject([
      { name: 'wrong', state: 'inconsistent', reason: 'the drive was changed' },
      { name: 'a', state: 'inconsistent' },
    ]);
    const refusal = {
      code: 'BITMAP_INCONSISTENT',
      message: "bitmap 'wrong' cannot be trusted: the drive was changed",
    };
    await expect(store.load('wrong')).rejects.toMatchObject(refusal);
    await expect(store.acquire(['wrong'])).rejects.toMatchObject(refusal);
    await expect(store.commit([storing('wrong')])).rejects.toMatchObject(refusal);
    await store.commit([removing('wrong'), creating('wrong')]);
    const [, after] = await store.list();
    expect(after).toEqual({ name: 'wrong', granularity: 512, enabled: true, state: 'stored' });
  });
});

describe('entries that this version cannot use', () => {
  const odd = entry('odd', { unsupported: 'it has extra data', inUse: true });

  it('are listed, and refused with the reason', async () => {
    const store = await createBitmapStore(notedBackend(diskWith(odd)).backend);
    expect((await store.list()).map(({ state }) => state)).toEqual(['unsupported']);
    const refusal = {
      code: 'BITMAP_UNSUPPORTED',
      message: "bitmap 'odd' cannot be used: it has extra data",
    };
    await expect(store.load('odd')).rejects.toMatchObject(refusal);
    await expect(store.acquire(['odd'])).rejects.toMatchObject(refusal);
    await expect(store.commit([storing('odd')])).rejects.toMatchObject(refusal);
    await expect(store.commit([creating('odd')])).rejects.toMatchObject({ code: 'BITMAP_EXISTS' });
  });

  it('go back to the backend as they came, whatever becomes of the others', async () => {
    const disk = diskWith(odd, entry('a'));
    const store = await createBitmapStore(notedBackend(disk).backend);
    await store.acquire(['a']);
    await store.commit([storing('a'), creating('b')]);
    expect(disk.entries[0]).toBe(odd);
  });

  it('can be removed, and their name used again', async () => {
    const disk = diskWith(odd, entry('a'));
    const store = await createBitmapStore(notedBackend(disk).backend);
    await store.commit([removing('odd'), creating('odd')]);
    expect((await store.list()).map(({ name, state }) => [name, state])).toEqual([
      ['a', 'stored'],
      ['odd', 'stored'],
    ]);
  });
});

describe('what a backend is asked for', () => {
  it('is one change of the directory a call, with new content only', async () => {
    const { backend, notes } = notedBackend(diskWith(entry('a'), entry('b')));
    const store = await createBitmapStore(backend);
    await store.acquire(['a', 'b', 'a']);
    await store.commit([storing('b'), creating('c'), creating('brief'), removing('brief')]);
    const asked = notes.replaced.map(([entries, contents]) => {
      return [entries.map(({ name, inUse }) => [name, inUse]), [...contents.keys()]];
    });
    expect(asked).toEqual([
      [
        [
          ['a', true],
          ['b', true],
        ],
        [],
      ],
      [
        [
          ['a', true],
          ['b', false],
          ['c', false],
        ],
        ['b', 'c'],
      ],
    ]);
  });

  it('is nothing for a call that changes nothing or is refused', async () => {
    const { backend, notes } = notedBackend(diskWith(entry('a')));
    const store = await createBitmapStore(backend);
    await store.list();
    await store.load('a');
    await store.acquire([]);
    await store.commit([]);
    await expect(store.commit([creating('b'), creating('a')])).rejects.toThrow('exists already');
    await expect(store.acquire(['a', 'c'])).rejects.toThrow("no bitmap 'c'");
    expect(notes.replaced).toEqual([]);
  });

  it('comes one at a time, and close comes last and once', async () => {
    let running = 0;
    const log: string[] = [];
    const noted = async <T>(what: string, work: Promise<T>): Promise<T> => {
      expect(++running).toBe(1);
      const result = await work;
      running--;
      log.push(what);
      return result;
    };
    const sound = soundBackend(diskWith(entry('a')), true);
    const store = await createBitmapStore(
      overriding(sound, {
        readContent: (asked) => noted('read', sound.readContent(asked)),
        replaceDirectory: (...asked) => noted('replace', sound.replaceDirectory(...asked)),
        close: () => noted('close', sound.close()),
      }),
    );
    await Promise.all([
      store.load('a'),
      store.commit([creating('b')]),
      store.acquire(['b']),
      store.load('a'),
      store.close(),
      store.close(),
    ]);
    expect(log).toEqual(['read', 'replace', 'read', 'replace', 'read', 'close']);
  });

  it('includes entries with what it keeps in them of its own', async () => {
    const own = { ...entry('a'), place: 17 };
    const disk = diskWith(own, entry('b'));
    const store = await createBitmapStore(notedBackend(disk).backend);
    await store.acquire(['a']);
    await store.commit([removing('b')]);
    expect(disk.entries).toEqual([{ ...own, inUse: true }]);
  });
});

describe('a backend that fails', () => {
  it('ends the store when it was to replace the directory', async () => {
    const failure = new Error('no space');
    const { backend, notes } = notedBackend(diskWith(entry('a')), {
      replaceDirectory: () => Promise.reject(failure),
    });
    const store = await createBitmapStore(backend);
    const waiting = store.commit([creating('b')]);
    const behind = store.list();
    await expect(waiting).rejects.toBe(failure);
    const ended = { code: 'STORE_FAILED', cause: failure, context: { where: 'sound' } };
    await expect(behind).rejects.toMatchObject(ended);
    await expect(store.load('a')).rejects.toMatchObject(ended);
    await expect(store.acquire(['a'])).rejects.toMatchObject(ended);
    await expect(store.commit([])).rejects.toMatchObject(ended);
    await store.close();
    expect(notes.timesClosed).toBe(1);
    await expect(store.list()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  it('marks nothing when content cannot be read, and the store goes on', async () => {
    const disk = diskWith(entry('a'), entry('bad'));
    const sound = soundBackend(disk, true);
    const { backend, notes } = notedBackend(disk, {
      readContent: (asked) =>
        asked.name === 'bad' ? Promise.reject(new Error('unreadable')) : sound.readContent(asked),
    });
    const store = await createBitmapStore(backend);
    await expect(store.acquire(['a', 'bad'])).rejects.toThrow('unreadable');
    expect(notes.replaced).toEqual([]);
    expect((await store.list()).map(({ state }) => state)).toEqual(['stored', 'stored']);
    expect((await store.acquire(['a'])).size).toBe(1);
  });
});

describe('refusals', () => {
  it('say where, of what, and what to do', async () => {
    const disk = diskWith(entry('a'), entry('lost', { inUse: true }));
    const store = await createBitmapStore(soundBackend(disk, true));
    await store.acquire(['a']);
    const refusals = [
      [store.load('missing'), 'BITMAP_NOT_FOUND', 'missing'],
      [store.load('a'), 'BITMAP_BUSY', 'a'],
      [store.load('lost'), 'BITMAP_INCONSISTENT', 'lost'],
      [store.commit([creating('a')]), 'BITMAP_EXISTS', 'a'],
    ] as const;
    for (const [call, code, bitmap] of refusals) {
      const context = { where: 'sound', bitmap, hint: expect.stringMatching(/^[a-z]/u) };
      await expect(call).rejects.toMatchObject({ code, context });
    }
  });

  it('begin with one bitmap more than there can be', async () => {
    const many = Array.from({ length: MAX_BITMAPS - 1 }, (_, i) => entry(`b${i}`));
    const disk = makeDisk(SIZE);
    disk.entries = many;
    const store = await createBitmapStore(soundBackend(disk, true));
    await expect(store.commit([creating('x'), creating('y')])).rejects.toMatchObject({
      code: 'BITMAP_INVALID',
      message: 'there cannot be more than 65535 bitmaps',
    });
    await store.commit([creating('x')]);
    await expect(store.commit([creating('y')])).rejects.toThrow('more than 65535');
    await store.commit([removing('x'), creating('y')]);
    expect(await store.list()).toHaveLength(MAX_BITMAPS);
  });
});

describe('a checkpoint that the backend does not keep', () => {
  it('is not told, and why is', async () => {
    const disk = diskWith(entry('a', { checkpoint: 'ab'.repeat(16) }), entry('b'));
    let full = false;
    const store = await createBitmapStore(
      notedBackend(disk, {
        id: 'cd'.repeat(16),
        checkpointLost: (name) => (full && name === 'a' ? 'there is no room for it' : undefined),
      }).backend,
    );
    expect(store.id).toBe('cd'.repeat(16));
    const infoOfA = async () => (await store.list())[0];
    expect(await infoOfA()).toMatchObject({ name: 'a', checkpoint: 'ab'.repeat(16) });
    expect(await infoOfA()).not.toHaveProperty('checkpointLost');
    full = true;
    expect(await infoOfA()).toMatchObject({ checkpointLost: 'there is no room for it' });
    expect(await infoOfA()).not.toHaveProperty('checkpoint');
  });
});
