import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, samplePlaces } from '../src/binding/fingerprint.ts';

const GRANULE = 65_536;
const SEED = new Uint8Array(16).fill(7);
const LARGE = 15 * 2 ** 40;

describe('the places where a drive is sampled', () => {
  it('are its ends, and places between them that a seed tells', () => {
    const places = samplePlaces(LARGE, SEED);
    expect(places).toHaveLength(256);
    expect(places.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => i * GRANULE));
    expect(places.slice(-16)).toEqual(
      Array.from({ length: 16 }, (_, i) => LARGE - (16 - i) * GRANULE),
    );
    expect(samplePlaces(LARGE, SEED)).toEqual(places);
    expect(samplePlaces(LARGE, new Uint8Array(16))).not.toEqual(places);
    // Spread over all of it.
    for (let part = 0; part < 8; part++) {
      const [from, to] = [(LARGE / 8) * part, (LARGE / 8) * (part + 1)];
      expect(places.filter((at) => at >= from && at < to).length).toBeGreaterThan(5);
    }
  });

  it.each([0, 1, 16, 17, 31, 33, 255, 256, 257, 300])('are all there are of %i', (count) => {
    const places = samplePlaces(count * GRANULE, SEED);
    expect(new Set(places).size).toBe(Math.min(count, 256));
    expect(places.every((at) => at >= 0 && at < count * GRANULE)).toBe(true);
  });
});

describe('the fingerprint of a drive', () => {
  const SIZE = 4 * GRANULE + 100;

  it('changes with each byte that is sampled, to the last', async () => {
    const drive = new MemoryDevice({ size: SIZE });
    const found = [await fingerprintOf(drive, SEED)];
    for (const at of [0, GRANULE, SIZE - 101, SIZE - 1]) {
      await drive.write(Buffer.from([1]), at);
      found.push(await fingerprintOf(drive, SEED));
    }
    expect(new Set(found).size).toBe(found.length);
    expect(found[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is read in no more than 16 MiB', async () => {
    let bytes = 0;
    const drive = { size: LARGE, read: async (to: Uint8Array) => void (bytes += to.length) };
    await fingerprintOf(drive, SEED);
    expect(bytes).toBe(256 * GRANULE);
  });
});
