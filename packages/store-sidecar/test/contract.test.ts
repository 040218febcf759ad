import { MemoryDevice } from '@tidemark/block';
import { bitmapStoreContract } from '@tidemark/core/contract';
import { describe, expect, it } from 'vitest';
import { createSidecar, openSidecarStore } from '../src/index.ts';
import { shared } from './support/shared.ts';

for (const clusterSize of [512, 65_536]) {
  const name = `store-sidecar, clusters of ${clusterSize} bytes`;
  bitmapStoreContract(name, { describe, it, expect }, async (diskSize) => {
    const device = new MemoryDevice({ size: 0 });
    await createSidecar(device, { diskSize, clusterSize });
    const drive = { label: 'drive', size: diskSize };
    return {
      open: ({ writable = true } = {}) =>
        openSidecarStore({ drive, sidecar: shared(device), writable }),
      crash: async () => {},
      destroy: async () => {},
    };
  });
}
