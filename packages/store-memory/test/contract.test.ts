import { bitmapStoreContract } from '@tidemark/core/contract';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, openMemoryStore } from '../src/index.ts';

bitmapStoreContract(
  'store-memory',
  { describe, it, expect },
  async (diskSize) => {
    const disk = new MemoryDisk(diskSize);
    return {
      open: (options) => openMemoryStore(disk, options),
      // What a crash takes is what the store has in memory of its own.
      crash: async () => {},
      inUse: async () => disk.entries.filter(({ inUse }) => inUse).map(({ name }) => name),
      destroy: async () => {},
    };
  },
  { crashLeaves: 'superset' },
);
