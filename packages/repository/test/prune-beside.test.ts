import { MemoryDevice } from '@tidemark/block';
import { MemoryObjectStore } from '@tidemark/object-store';
import { describe, expect, it } from 'vitest';
import {
  backUpDrives,
  checkRepository,
  createRepository,
  prune,
  type Repository,
} from '../src/index.ts';
import { noise } from './support/drives.ts';
import { keysIn } from './support/run.ts';

/** Calls once, when it is read. */
class Watched extends MemoryDevice {
  onRead: (() => Promise<void>) | undefined;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    const { onRead } = this;
    this.onRead = undefined;
    await onRead?.();
    await super.read(target, offset);
  }
}

/** A drive of zeros, whose point is no more than a manifest, and one in whose backup something happens. */
async function make(whenRead: (repository: Repository) => Promise<unknown>) {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, { compression: 'none' });
  const zeros = new MemoryDevice({ size: 1_048_576 });
  const source = new Watched({ size: 1_048_576 });
  Object.defineProperty(source, 'readNow', { value: undefined });
  await source.write(noise(1_048_576, 1), 0);
  source.onRead = async () => {
    await whenRead(repository);
  };
  const about = (id: string) => ({ id, label: id, format: 'raw' });
  let restarted = false;
  const run = async () =>
    backUpDrives({
      repository,
      drives: [
        { source: zeros, drive: about('zeros') },
        { source, drive: about('data') },
      ],
      onDurable: async () => {
        restarted = true;
      },
    });
  return { store, repository, run, isRestarted: () => restarted };
}

describe('a prune without grace beside a backup', () => {
  it('takes no manifest that is named then', async () => {
    const { repository, run, isRestarted } = await make(async (it) =>
      prune({ repository: it, grace: 0 }),
    );
    await expect(run()).rejects.toMatchObject({ code: 'LOCKED' });
    expect(isRestarted()).toBe(false);
    expect((await checkRepository({ repository, readData: true })).problems).toEqual([]);
    expect(await run()).toHaveLength(2);
    expect((await checkRepository({ repository, readData: true })).problems).toEqual([]);
  });

  it('that is cut off leaves a manifest that nobody names to the next one', async () => {
    const { store, repository, run } = await make(async (it) => {
      // Cut off behind its commit point.
      const remove = store.delete.bind(store);
      store.delete = async () => Promise.reject(new Error('cut off'));
      await expect(prune({ repository: it, grace: 0 })).rejects.toThrow('cut off');
      store.delete = remove;
    });
    await expect(run()).rejects.toMatchObject({ code: 'LOCKED' });
    expect((await repository.readRoot()).condemned).toHaveLength(1);
    await prune({ repository, grace: 0 });
    expect((await repository.readRoot()).condemned).toEqual([]);
    expect(await keysIn(store, 'points/')).toEqual([]);
  });
});
