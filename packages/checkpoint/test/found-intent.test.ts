import { basename } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { CheckpointFolder, type IntentFileSystem } from '../src/index.ts';
import { outcomeOf } from './support/judge.ts';
import { Recorded } from './support/recorded.ts';
import { lookAt, recover } from './support/recovery.ts';
import { makeFiles, openOn, partOf, PLACES, SET } from './support/three-drives.ts';
import { FOLDER, VolatileFiles } from '../../../tools/device/volatile-files.ts';

/** For a process that dies before its writes are flushed: they are in the system's cache alone. */
function withoutFlushes(device: BlockDevice): BlockDevice {
  return new Proxy(device, {
    get: (target, key): unknown => {
      if (key === 'flush') return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** For a process that dies before the folder is synced: its names are in the system's cache alone. */
function withoutSyncs(files: VolatileFiles): IntentFileSystem {
  return {
    open: async (path, flags) => {
      const file = await files.open(path, flags);
      return basename(path) === FOLDER ? { ...file, sync: async () => {} } : file;
    },
    mkdir: () => files.mkdir(),
    readdir: () => files.readdir(),
    rename: (from, to) => files.rename(from, to),
    unlink: (path) => files.unlink(path),
  };
}

// As A2: what is found at an open may be in a cache, and what is done by it is durable.
it.each([0, 1, 2])(
  'an intent that is found is durable before drive %i is made to follow it',
  async (first) => {
    const files = await makeFiles();
    const names = new VolatileFiles();
    const members = [];
    for (const [index, file] of files.entries()) {
      const { store, close } = await openOn(file, index);
      const { bitmaps } = await partOf(store);
      members.push({ store: store.id ?? null, place: PLACES[index]!, bitmaps, done: false });
      await close();
    }
    const dying = new CheckpointFolder(`/${FOLDER}`, withoutSyncs(names));
    await dying.put({ set: SET, members });
    expect(names.freeze()(() => false).names).toEqual([]);

    const recorded = await Recorded.on({ files, folder: names });
    await lookAt(recorded, first);
    const outcomes = new Set<string>();
    for (let moment = 0; moment < recorded.momentCount; moment++) {
      const left = await Recorded.on(await recorded.cut(moment, () => false));
      outcomes.add(outcomeOf(await recover(left, [0, 1, 2])));
    }
    expect(outcomes).toEqual(new Set(['undone', 'made']));
  },
);

it.each([0, 1, 2])(
  'the part of drive %i that is found is durable before the intent goes',
  async (last) => {
    const recorded = await Recorded.on({ files: await makeFiles(), folder: new VolatileFiles() });
    const folder = new CheckpointFolder(`/${FOLDER}`, recorded.folder);
    const parts = [];
    for (const [index, device] of recorded.devices.entries()) {
      const { store } = await openOn(index === last ? withoutFlushes(device) : device, index);
      parts.push({ place: PLACES[index]!, ...(await partOf(store)) });
    }
    const members = parts.map(({ store, place, bitmaps }) => {
      return { store: store.id ?? null, place, bitmaps, done: false };
    });
    await folder.put({ set: SET, members });
    for (const { store, changes } of parts) await store.commit(changes);
    // It dies here.
    const died = recorded.momentCount - 1;
    for (const index of [0, 1, 2]) await lookAt(recorded, index);
    expect(recorded.folder.names).toEqual([]);
    for (let moment = died; moment < recorded.momentCount; moment++) {
      const left = await Recorded.on(await recorded.cut(moment, () => false));
      expect(outcomeOf(await recover(left, [0, 1, 2]))).toBe('made');
    }
  },
);
