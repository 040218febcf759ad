import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { compressible } from './support/compressible.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const CLUSTER = 4096;
const CLUSTERS = 12;

interface Change {
  readonly issuedAt: number;
  readonly cluster: number;
  readonly bytes: Uint8Array;
}

/** What may be in a cluster: what was flushed last, or anything that was written to it since. */
function possible(changes: readonly Change[], flushed: number, cluster: number): Uint8Array[] {
  const own = changes.filter((change) => change.cluster === cluster);
  const before = own.filter((change) => changes.indexOf(change) < flushed).at(-1);
  const since = own.filter((change) => changes.indexOf(change) >= flushed);
  return [before?.bytes ?? new Uint8Array(CLUSTER), ...since.map(({ bytes }) => bytes)];
}

describe('after a power cut while compressed clusters are written', () => {
  it.each([1, 2, 16])('with refcounts of %i bits, each is an old or a new one', async (bits) => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, {
      size: CLUSTERS * CLUSTER,
      clusterSize: CLUSTER,
      refcountBits: bits,
    });
    const device = await RecordingDevice.startOn(memory);
    const image = await openQcow2(device, { writable: true });
    const changes: Change[] = [];
    const flushes: { readonly returnedAt: number; readonly changes: number }[] = [];
    for (let step = 0; step < 40; step++) {
      const cluster = (step * 5) % CLUSTERS;
      const bytes = compressible(CLUSTER, step, 10);
      changes.push({ issuedAt: device.events.length, cluster, bytes });
      if (step % 7 === 3) await image.write(bytes, cluster * CLUSTER);
      else await image.writeCompressed(bytes, cluster * CLUSTER);
      if (step % 6 !== 5) continue;
      await image.flush();
      flushes.push({ returnedAt: device.events.length, changes: changes.length });
    }
    await image.close();

    for await (const { bytes, count, name } of powerCuts(device, { seed: bits, torn: 2 })) {
      // Narrower counts are no business of `checkImage`: there, the content alone is looked at.
      const found = bits < 8 ? [] : checkImage(bytes).corruptions;
      expect({ name, found }).toEqual({ name, found: [] });
      const flushed = flushes.findLast(({ returnedAt }) => returnedAt <= count)?.changes ?? 0;
      const issued = changes.filter(({ issuedAt }) => issuedAt <= count);
      const cut = await openQcow2(new TestDevice({ bytes, writable: false }));
      for (let cluster = 0; cluster < CLUSTERS; cluster++) {
        const content = new Uint8Array(CLUSTER);
        await cut.read(content, cluster * CLUSTER);
        const isOne = possible(issued, flushed, cluster).some(
          (one) => Buffer.compare(one, content) === 0,
        );
        expect({ name, cluster, isOne }).toEqual({ name, cluster, isOne: true });
      }
    }
  });
});
