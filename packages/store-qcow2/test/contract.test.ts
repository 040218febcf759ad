import { MemoryDevice } from '@tidemark/block';
import { type Keeps, powerCut, RecordingDevice } from '@tidemark/block/testing';
import { bitmapStoreContract, type StoreFixture } from '@tidemark/core/contract';
import { BitmapDirectory, createQcow2, openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { openQcow2Store } from '../src/index.ts';

/** What a crash leaves of that which no flush covers. */
const CRASHES: readonly (readonly [string, Keeps])[] = [
  ['a kill', () => true],
  ['a power cut', () => false],
  ['a power cut that tears writes', () => (sector) => sector % 2 === 0],
];

// Bits of the contract's bitmaps fill a cluster in one case and many in the other.
for (const clusterSize of [512, 65_536]) {
  for (const [crash, keeps] of CRASHES) {
    const name = `store-qcow2, clusters of ${clusterSize} bytes, ${crash}`;
    const makeFixture = (diskSize: number) => fixtureOf({ diskSize, clusterSize, keeps });
    bitmapStoreContract(name, { describe, it, expect }, makeFixture, { crashLeaves: 'superset' });
  }
}

interface Shape {
  readonly diskSize: number;
  readonly clusterSize: number;
  readonly keeps: Keeps;
}

async function fixtureOf({ diskSize, clusterSize, keeps }: Shape): Promise<StoreFixture> {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: diskSize, clusterSize });
  let file = await RecordingDevice.startOn(memory);
  return {
    // Images that a case leaves behind stay open: what is not in the file then is lost.
    open: async ({ writable = true } = {}) => openQcow2Store(await openQcow2(file, { writable })),
    async crash() {
      file = await RecordingDevice.startOn(await powerCut(file.base, file.events, keeps));
    },
    async inUse() {
      const { metadata: image } = await openQcow2(file, { writable: false });
      const { records } = await BitmapDirectory.open({ image });
      return records.filter(({ inUse }) => inUse).map(({ name }) => name);
    },
    destroy: async () => {},
  };
}
