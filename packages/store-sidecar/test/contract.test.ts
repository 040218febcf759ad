import { MemoryDevice } from '@tidemark/block';
import { bitmapStoreContract, type MakeStoreFixture } from '@tidemark/core/contract';
import { BitmapDirectory, openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { createSidecar, openSidecarStore } from '../src/index.ts';
import { shared } from './support/shared.ts';
import { SimulatedDrive } from './support/simulated-drive.ts';

const KINDS = [
  { clusterSize: 512, isBound: false },
  { clusterSize: 65_536, isBound: false },
  { clusterSize: 512, isBound: true },
];

for (const { clusterSize, isBound } of KINDS) {
  const name = `store-sidecar${isBound ? ' of a known drive' : ''}, clusters of ${clusterSize} bytes`;
  const makeFixture: MakeStoreFixture = async (diskSize) => {
    const device = new MemoryDevice({ size: 0 });
    await createSidecar(device, { diskSize, clusterSize });
    const drive = isBound ? new SimulatedDrive(diskSize) : { label: 'drive', size: diskSize };
    return {
      open: ({ writable = true } = {}) =>
        openSidecarStore({ drive, sidecar: shared(device), writable }),
      crash: async () => {},
      async resizeDisk(size) {
        if (drive instanceof SimulatedDrive) drive.resize(size);
        else drive.size = size;
      },
      async inUse() {
        const { metadata: image } = await openQcow2(shared(device), { writable: false });
        const { records } = await BitmapDirectory.open({ image, diskSize: drive.size });
        return records.filter(({ inUse }) => inUse).map(({ name }) => name);
      },
      destroy: async () => {},
    };
  };
  // Of a drive that nothing is known of, nobody could tell after a crash whether it was changed.
  const options = { crashLeaves: isBound ? 'superset' : 'inconsistent' } as const;
  bitmapStoreContract(name, { describe, it, expect }, makeFixture, options);
}
