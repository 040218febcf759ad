import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MergeMemory } from '../src/bitmaps/merge-memory.ts';

const MiB = 2 ** 20;

/** With plain loops, and in WebAssembly. */
const TOTALS = [0, 64 * MiB];

describe.each(TOTALS)('memory for a merge of %i bytes', (total) => {
  it('puts bits together by OR, and what is around them stays', () => {
    const words = fc.integer({ min: 0, max: 200 });
    const property = fc.property(words, words, fc.nat(255), (before, count, seed) => {
      const [at, length] = [before * 64, count * 4];
      const memory = new MergeMemory();
      memory.prepare(64 * 256, total);
      const [part, other] = memory.parts;
      part.fill(0x15);
      other.fill(0x22);
      const source = memory.scratch(length);
      for (let i = 0; i < length; i++) source[i] = (i * 7 + seed) % 256;
      memory.or(part.subarray(at, at + length), source);
      expect(part.every((byte, i) => byte === ((source[i - at] ?? 0) | 0x15))).toBe(true);
      expect(other.every((byte) => byte === 0x22)).toBe(true);
    });
    fc.assert(property);
  });

  it('has buffers that do not overlap', () => {
    const memory = new MergeMemory();
    memory.prepare(MiB, total);
    const all = [...memory.parts, memory.scratch(MiB)];
    for (const [i, buffer] of all.entries()) buffer.fill(i + 1);
    const isKept = (buffer: Uint8Array, i: number) => buffer.every((byte) => byte === i + 1);
    expect(all.every(isKept)).toBe(true);
  });
});
