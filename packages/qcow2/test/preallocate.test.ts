import { expect, it } from 'vitest';
import { type CreateQcow2Options, openQcow2 } from '../src/index.ts';
import { newImage, readAll } from './support/images.ts';

const KIB = 1024;
const SIZE = 256 * KIB;

const KINDS: readonly (readonly [string, Partial<CreateQcow2Options>])[] = [
  ['plain', {}],
  ['version 2', { version: 2 }],
  ['subclusters', { clusterSize: 16 * KIB, extendedL2: true }],
];
const WAYS = ['metadata', 'falloc', 'full'] as const;

it.each(KINDS.flatMap(([name, kind]) => WAYS.map((how) => [name, how, kind] as const)))(
  'gives places to what shows zeros, and to nothing twice (%s, %s)',
  async (_, how, kind) => {
    const { image, device } = await newImage({ size: SIZE, clusterSize: 4 * KIB, ...kind });
    // What is left of a disk that was written and dropped, which must not show.
    await image.write(new Uint8Array(SIZE).fill(7), 0);
    await image.discard(0, SIZE);
    await image.flush();
    await image.write(new Uint8Array(16 * KIB).fill(5), 32 * KIB);
    await image.preallocate(0, 32 * KIB, how);
    await image.preallocate(48 * KIB + 100, SIZE - 48 * KIB - 100, how);
    const expected = new Uint8Array(SIZE).fill(5, 32 * KIB, 48 * KIB);
    expect(Buffer.compare(await readAll(image), expected)).toBe(0);
    await image.close();
    const again = await openQcow2(device);
    const hosts = new Set<number>();
    for await (const { data, host, offset, length } of again.layerExtents(0, SIZE)) {
      expect({ offset, data }).toEqual({ offset, data: true });
      for (let at = 0; at < length; at += 4 * KIB) hosts.add(host! + at);
    }
    expect(hosts.size).toBe(SIZE / (4 * KIB));
    expect(Buffer.compare(await readAll(again), expected)).toBe(0);
    await again.close();
  },
);
