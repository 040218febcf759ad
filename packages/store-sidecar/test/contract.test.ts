import { MemoryDevice } from '@tidemark/block';
import { bitmapStoreContract, type MakeStoreFixture } from '@tidemark/core/contract';
import { BitmapDirectory, openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { createSidecar, openSidecarStore } from '../src/index.ts';
import { shared } from './support/shared.ts';

for (const clusterSize of [512, 65_536]) {
  const name = `store-sidecar, clusters of ${clusterSize} bytes`;
  const makeFixture: MakeStoreFixture = async (diskSize) => {
    const device = new MemoryDevice({ size: 0 });
    await createSidecar(device, { diskSize, clusterSize });
    const drive = { label: 'drive', size: diskSize };
    return {
      open: ({ writable = true } = {}) =>
        openSidecarStore({ drive, sidecar: shared(device), writable }),
      crash: async () => {},
      async inUse() {
        const { metadata: image } = await openQcow2(shared(device), { writable: false });
        const { records } = await BitmapDirectory.open({ image, diskSize });
        return records.filter(({ inUse }) => inUse).map(({ name }) => name);
      },
      destroy: async () => {},
    };
  };
  const options = { crashLeaves: 'inconsistent' } as const;
  bitmapStoreContract(name, { describe, it, expect }, makeFixture, options);
}
