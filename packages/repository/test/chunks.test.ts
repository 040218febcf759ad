import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { MemoryDevice } from '@tidemark/block';
import { MemoryObjectStore, type ObjectStore, type ObjectWriter } from '@tidemark/object-store';
import { describe, expect, it } from 'vitest';
import {
  backUpDrives,
  checkRepository,
  createRepository,
  type CreateRepositoryOptions,
} from '../src/index.ts';
import { contentOf } from './support/drives.ts';
import { keysIn, restored } from './support/run.ts';

const MiB = 2 ** 20;

/** Takes what is appended some time after it was told to, as a disk does. */
class LateStore extends MemoryObjectStore implements ObjectStore {
  newObject(): ObjectWriter {
    const parts: Buffer[] = [];
    const work: Promise<void>[] = [];
    return {
      append: async (bytes) => {
        const number = parts.push(Buffer.alloc(0)) - 1;
        const append = (async () => {
          for (let turn = 0; turn < 20; turn++) await setImmediate();
          parts[number] = Buffer.from(bytes);
        })();
        work.push(append);
        await append;
      },
      finish: async (key) => {
        await Promise.all(work);
        return this.putIfAbsent(key, Buffer.concat(parts));
      },
      abandon: async () => {
        await Promise.all(work);
      },
    };
  }
}

/** A drive that nothing is at hand of, and whose reads end in an order of their own. */
class LateDrive extends MemoryDevice {
  underWay = 0;
  failAt = -1;
  #reads = 0;

  constructor(size: number) {
    super({ size });
    Object.defineProperty(this, 'readNow', { value: undefined });
  }

  override async read(target: Uint8Array, offset: number): Promise<void> {
    this.underWay += 1;
    this.#reads += 1;
    const number = this.#reads;
    try {
      for (let turn = (number * 7) % 11; turn > 0; turn--) await setImmediate();
      if (number === this.failAt) throw new Error('the disk is broken');
      await super.read(target, offset);
    } finally {
      this.underWay -= 1;
    }
  }
}

const KINDS: readonly (readonly [string, CreateRepositoryOptions])[] = [
  ['plain', { compression: 'none' }],
  ['compressed', { compression: 'zstd' }],
  ['encrypted', { compression: 'none', secret: { kind: 'key', key: randomBytes(32) } }],
  ['compressed and encrypted', { secret: { kind: 'key', key: randomBytes(32) } }],
];

/** Noise, what can be compressed, what is there twice, zeros, and an end that is no whole granule. */
async function mixed(size: number): Promise<LateDrive> {
  const device = new LateDrive(size);
  const twice = randomBytes(4096);
  for (let at = 0, turn = 0; at < size - 30_000; at += 24_576, turn++) {
    if (turn % 5 !== 3) await device.write(randomBytes(20_480), at);
    if (turn % 3 === 1) await device.write(twice, at + 4096);
    if (turn % 4 === 1) await device.write(Buffer.alloc(8192), at + 8192);
    if (turn % 7 === 2) await device.write(Buffer.alloc(12_288, 'text '), at);
  }
  await device.write(randomBytes(20_000), size - 20_000);
  return device;
}

async function backUpTo(store: ObjectStore, device: MemoryDevice, options = {}) {
  const repository = await createRepository(store, { compression: 'none', ...options });
  const drive = { id: 'drive', label: 'drive', format: 'raw' };
  await backUpDrives({ repository, drives: [{ source: device, drive }], granularity: 4096 });
  return repository;
}

describe.each(KINDS)('what is read in pieces and written in pieces, %s', (_, options) => {
  it('is the drive again', async () => {
    const device = await mixed(5 * MiB + 12_345);
    const repository = await backUpTo(new LateStore(), device, options);
    const content = await contentOf(device);
    expect((await restored(repository, { point: '1' })).equals(content)).toBe(true);
    expect((await checkRepository({ repository, readData: true })).problems).toEqual([]);
  });
});

it('memory is not used again before it is written', async () => {
  const device = new MemoryDevice({ size: 40 * MiB });
  await device.write(randomBytes(device.size), 0);
  const repository = await backUpTo(new LateStore(), device);
  const content = await contentOf(device);
  expect((await restored(repository, { point: '1' })).equals(content)).toBe(true);
});

it('a read that fails ends the backup, and no other is under way any more', async () => {
  const device = await mixed(5 * MiB);
  device.failAt = 17;
  const store = new LateStore();
  await expect(backUpTo(store, device)).rejects.toThrow('the disk is broken');
  expect(device.underWay).toBe(0);
});

it('a drive of which all is there already leaves no pack', async () => {
  const device = await mixed(2 * MiB);
  const store = new LateStore();
  const repository = await backUpTo(store, device);
  const packs = async () => (await keysIn(store, 'packs/')).length;
  const before = await packs();
  const drive = { id: 'another', label: 'drive', format: 'raw' };
  await backUpDrives({ repository, drives: [{ source: device, drive }], granularity: 4096 });
  expect(await packs()).toBe(before);
});
