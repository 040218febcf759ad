import { TidemarkError } from '../../src/errors.ts';
import {
  type BrokenStore,
  brokenBackend,
  brokenLiveBackend,
  brokenLiveStore,
  brokenStore,
} from './broken-store.ts';
import { soundBackend } from './sound-store.ts';

const DIRTY = 'makes what is added dirty in every bitmap, durably';

/** Faults in what becomes of bitmaps when their disk gets another size. */
export const BROKEN_RESIZES: readonly BrokenStore[] = [
  brokenBackend('leaves what is added clean', DIRTY, ({ sound, disk }) => ({
    async replaceDirectory(entries, contents, options = {}) {
      const { diskSize = disk.diskSize } = options;
      const before = disk.diskSize;
      if (diskSize > before) {
        for (const content of contents.values()) content.reset(before, diskSize - before);
      }
      await sound.replaceDirectory(entries, contents, options);
    },
  })),
  brokenBackend('resizes in memory only', DIRTY, ({ sound, disk, writable }) => {
    const memory = { ...disk };
    const lost = soundBackend(memory, writable);
    return {
      async replaceDirectory(entries, contents, options) {
        await lost.replaceDirectory(entries, contents, options);
        if (options?.diskSize === undefined) await sound.replaceDirectory(entries, contents);
      },
    };
  }),
  brokenBackend(
    'takes the size back when it is asked for another change',
    'goes on as before with the new size',
    ({ sound, disk }) => {
      const { diskSize } = disk;
      return {
        replaceDirectory: (entries, contents, options) =>
          sound.replaceDirectory(entries, contents, { diskSize, ...options }),
      };
    },
  ),
  brokenBackend(
    'keeps bits that are cut off',
    'forgets what is cut off, in every bitmap',
    ({ sound, disk }) => ({
      async readContent(entry) {
        const content = await sound.readContent(entry);
        if (entry.granularity > 512 && disk.diskSize < 2 ** 20) content.set(0, disk.diskSize);
        return content;
      },
    }),
  ),
  brokenStore(
    'keeps checkpoints of a disk that shrinks',
    'takes checkpoints away where the disk shrinks, unless it was never larger',
    ({ sound }) => ({
      resize: (size, options) => sound.resize(size, { ...options, isUndo: true }),
    }),
  ),
  brokenStore(
    'refuses the size that it has',
    'does nothing where the size is the one that it has',
    ({ sound }) => ({
      async resize(size, options) {
        if (size === sound.diskSize) throw new TidemarkError('BITMAP_INVALID', 'nothing to do');
        await sound.resize(size, options);
      },
    }),
  ),
  brokenBackend(
    'takes bitmaps for stored that are in use while it resizes',
    'leaves acquired bitmaps in use for others',
    ({ sound }) => ({
      replaceDirectory: (entries, contents, options) => {
        const isResize = options?.diskSize !== undefined;
        const next = isResize ? entries.map((entry) => ({ ...entry, inUse: false })) : entries;
        return sound.replaceDirectory(next, contents, options);
      },
    }),
  ),
  brokenStore(
    'takes content of the old size',
    'leaves acquired bitmaps acquired, and takes content of the new size',
    ({ sound }) => ({
      async commit(changes) {
        for (const change of changes) {
          if ('content' in change) change.content.resize(sound.diskSize, { grown: 'dirty' });
        }
        await sound.commit(changes);
      },
    }),
  ),
  brokenStore(
    'resizes what it can, and forgets the rest',
    'refuses while there is a bitmap that cannot be resized',
    ({ sound }) => ({
      async resize(size, options) {
        const infos = await sound.list();
        const lost = infos.filter(({ state }) => state === 'inconsistent');
        await sound.commit(lost.map(({ name }) => ({ op: 'remove', name })));
        await sound.resize(size, options);
      },
    }),
  ),
  brokenStore(
    'lets a reader believe that it can resize',
    'refuses a reader, and sizes that there are not',
    () => ({ resizable: true }),
  ),
  brokenLiveBackend(
    'writes bits of live bitmaps to where they were before',
    'leaves live bitmaps live, with the content that it is given and what follows',
    ({ disk, sound }) => ({
      async replaceDirectory(entries, contents, options) {
        const before = new Map(disk.contents);
        await sound.replaceDirectory(entries, contents, options);
        for (const [name, content] of before) {
          if (options?.diskSize === undefined) continue;
          content.resize(options.diskSize, { grown: 'dirty' });
          disk.contents.set(name, content);
        }
      },
    }),
  ),
  brokenLiveStore(
    'takes the bits on disk for the content of a live bitmap',
    'refuses without the content of each live bitmap in the new size, and they go on',
    ({ sound, disk }) => ({
      async resize(size, options) {
        const found = [...disk.contents].map(([name, bits]) => {
          const content = bits.clone();
          content.resize(size, { grown: 'dirty' });
          return [name, content] as const;
        });
        await sound.resize(size, { ...options, live: new Map(found) });
      },
    }),
  ),
];
