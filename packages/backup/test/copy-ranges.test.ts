import type { BlockExtent } from '@tidemark/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CopyRange, knownRuns } from '../src/make/copy-ranges.ts';
import { TestDevice } from './support/test-device.ts';

const GRANULARITY = 4096;

/** A source that tells the extents it is given, cut to the range. */
class Mapped extends TestDevice {
  readonly #lengths: readonly (readonly [number, boolean])[];

  constructor(lengths: readonly (readonly [number, boolean])[]) {
    super(lengths.reduce((sum, [length]) => sum + length, 0));
    this.#lengths = lengths;
  }

  override async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    let at = 0;
    for (const [size, zero] of this.#lengths) {
      const from = Math.max(at, offset);
      const to = Math.min(at + size, offset + length);
      if (to > from) yield { offset: from, length: to - from, zero, allocated: !zero };
      at += size;
    }
  }
}

async function rangesOf(source: Mapped, offset: number, length: number): Promise<CopyRange[]> {
  const ranges: CopyRange[] = [];
  const drive = { size: source.size, granularity: GRANULARITY };
  for await (const runs of knownRuns(source, [{ offset, length }], drive)) ranges.push(...runs);
  return ranges;
}

describe('what to copy', () => {
  it('is each granule once: zero where all of it is known to be, else to be read', async () => {
    const extent = fc.tuple(fc.integer({ min: 1, max: 3 * GRANULARITY }), fc.boolean());
    const property = fc.asyncProperty(
      fc.array(extent, { minLength: 1, maxLength: 30 }),
      fc.nat(20),
      fc.nat(20),
      async (extents, a, b) => {
        const source = new Mapped(extents);
        const granules = Math.ceil(source.size / GRANULARITY);
        const first = Math.min(a, granules - 1);
        const end = Math.min(source.size, (first + b + 1) * GRANULARITY);
        const zeroBytes = extents.flatMap(([length, zero]) => Array<boolean>(length).fill(zero));
        const found: boolean[] = [];
        const start = first * GRANULARITY;
        for (const { offset, length, zero } of await rangesOf(source, start, end - start)) {
          expect(offset).toBe(start + found.length * GRANULARITY);
          for (let at = 0; at < length; at += GRANULARITY) found.push(zero);
        }
        const wanted: boolean[] = [];
        for (let at = start; at < end; at += GRANULARITY) {
          wanted.push(zeroBytes.slice(at, at + GRANULARITY).every(Boolean));
        }
        expect(found).toEqual(wanted);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('is read where the source says nothing at all', async () => {
    class Silent extends Mapped {
      override async *extents(): AsyncGenerator<BlockExtent> {}
    }
    expect(await rangesOf(new Silent([[10_000, true]]), 0, 10_000)).toEqual([
      { offset: 0, length: 10_000, zero: false },
    ]);
  });

  it('is read where it is a backing file that holds the content', async () => {
    class Overlay extends Mapped {
      override async *extents(): AsyncGenerator<BlockExtent> {
        yield { offset: 0, length: 8192, zero: false, allocated: false };
      }
    }
    expect(await rangesOf(new Overlay([[8192, false]]), 0, 8192)).toEqual([
      { offset: 0, length: 8192, zero: false },
    ]);
  });

  it('asks about many ranges at once, where they are near each other', async () => {
    const asked: [number, number][] = [];
    class Asked extends Mapped {
      override extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
        asked.push([offset, length]);
        return super.extents(offset, length);
      }
    }
    const MiB = 2 ** 20;
    const source = new Asked([
      [6 * MiB, false],
      [MiB, true],
      [3000 * MiB, false],
    ]);
    const drive = { size: source.size, granularity: MiB };
    const at = (offset: number, length = 1) => ({ offset: offset * MiB, length: length * MiB });
    const ranges = [at(1), at(3), at(6, 2), at(12), at(100, 1000)];
    const found: CopyRange[] = [];
    for await (const runs of knownRuns(source, ranges, drive)) found.push(...runs);
    expect(asked.map(([offset, length]) => [offset / MiB, length / MiB])).toEqual([
      [1, 12],
      [100, 512],
      [612, 488],
    ]);
    expect(found).toEqual([
      { ...at(1), zero: false },
      { ...at(3), zero: false },
      { ...at(6), zero: true },
      { ...at(7), zero: false },
      { ...at(12), zero: false },
      { ...at(100, 512), zero: false },
      { ...at(612, 488), zero: false },
    ]);
  });
});
