import { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';

/** Faults in what a store keeps of a bitmap. */
export const BROKEN_CONTENT: readonly BrokenStore[] = [
  brokenBackend(
    'drops the last granule where it is a short one',
    'gives back what it was given, the short last granule too',
    ({ sound }) => ({
      async readContent(entry) {
        const content = await sound.readContent(entry);
        const { diskSize, granularity } = content;
        const tail = diskSize % granularity;
        if (tail > 0) content.reset(diskSize - tail, tail);
        return content;
      },
    }),
  ),
  brokenBackend(
    'keeps its bits highest first',
    'gives back what it was given, the short last granule too',
    ({ sound }) => ({
      async readContent(entry) {
        const content = await sound.readContent(entry);
        const bytes = new Uint8Array(content.serializedLength);
        content.serialize(bytes);
        content.deserialize(bytes.map(reversed));
        return content;
      },
    }),
  ),
  brokenBackend(
    'reads a table entry for all ones as zeros',
    'keeps bitmaps that are all clean and all dirty',
    ({ sound }) => ({
      async readContent(entry) {
        const content = await sound.readContent(entry);
        if (content.count === content.length) content.clear();
        return content;
      },
    }),
  ),
  brokenBackend(
    'keeps every bitmap at 64 KiB a bit',
    'keeps bitmaps of different granularities side by side',
    ({ sound }) => ({
      async readContent(entry) {
        const coarse = new DirtyBitmap(sound.diskSize, 65_536);
        coarse.merge(await sound.readContent(entry));
        return coarse;
      },
    }),
  ),
  brokenBackend(
    'adds new content to the old',
    'puts new content in place of the old',
    ({ sound, disk }) => ({
      async replaceDirectory(entries, contents) {
        for (const [name, content] of contents) {
          const old = disk.contents.get(name);
          if (old !== undefined) content.merge(old);
        }
        await sound.replaceDirectory(entries, contents);
      },
    }),
  ),
  brokenBackend(
    'empties the bitmaps that a commit does not name',
    'leaves the other bitmaps as they are',
    ({ sound }) => ({
      async replaceDirectory(entries, contents) {
        const all = entries.map(({ name, granularity }) => {
          const content = contents.get(name) ?? new DirtyBitmap(sound.diskSize, granularity);
          return [name, content] as const;
        });
        await sound.replaceDirectory(entries, new Map(all));
      },
    }),
  ),
  brokenBackend('hands out its own memory', 'shares no memory with its callers', ({ disk }) => ({
    readContent: async ({ name }) => disk.contents.get(name)!,
  })),
  brokenStore(
    'takes content when its turn comes, not when it is given',
    'takes content as it is when commit is called, whatever becomes of it',
    ({ sound }) => ({
      async commit(changes) {
        await Promise.resolve();
        await sound.commit(changes);
      },
    }),
  ),
  brokenBackend(
    'keeps the first cluster of the bits only',
    'keeps a large bitmap whose parts are clean, dirty and mixed',
    ({ sound }) => ({
      async readContent(entry) {
        const content = await sound.readContent(entry);
        content.fill(65_536, content.serializedLength, false);
        return content;
      },
    }),
  ),
  brokenBackend(
    'counts whole granules only',
    'keeps a bitmap of a disk that is smaller than one granule',
    ({ sound, disk }) => ({
      async readContent(entry) {
        const isLessThanOne = disk.diskSize < entry.granularity;
        const content = await sound.readContent(entry);
        if (isLessThanOne) content.clear();
        return content;
      },
    }),
  ),
];

function reversed(byte: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) result |= ((byte >> bit) & 1) << (7 - bit);
  return result;
}
