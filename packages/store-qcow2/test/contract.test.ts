import { MemoryDevice } from '@tidemark/block';
import { bitmapStoreContract } from '@tidemark/core/contract';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { openQcow2Store } from '../src/index.ts';

// Bits of the contract's bitmaps fill a cluster in one case and many in the other.
for (const clusterSize of [512, 65_536]) {
  const name = `store-qcow2, clusters of ${clusterSize} bytes`;
  bitmapStoreContract(name, { describe, it, expect }, async (diskSize) => {
    const device = new MemoryDevice({ size: 0 });
    await createQcow2(device, { size: diskSize, clusterSize });
    return {
      // Images that a case leaves behind stay open: what is not on the device then is lost.
      open: async ({ writable = true } = {}) =>
        openQcow2Store(await openQcow2(device, { writable })),
      crash: async () => {},
      destroy: async () => {},
    };
  });
}
