import { crc32 } from 'node:zlib';
import type { DriveFacts } from '@tidemark/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeControl, encodeControl } from '../src/control/codec.ts';
import type { Control } from '../src/index.ts';
import { ControlHead } from '../src/control/spec.ts';
import { controlOf } from './support/controls.ts';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 });
const size = fc.maxSafeNat();

const bootId = id.map((bytes) => Buffer.from(bytes).toString('hex'));
const fileFacts = {
  kind: fc.constant('file' as const),
  size,
  modified: u64,
  changed: u64,
  born: u64,
  inode: u64,
  device: u64,
};

const drives: fc.Arbitrary<DriveFacts> = fc.oneof(
  fc.record(fileFacts),
  // Zeros stand for a boot that is not known.
  fc.record({ ...fileFacts, bootId: bootId.filter((text) => /[^0]/.test(text)) }),
  fc.record({ kind: fc.constant('block device' as const), size, device: u64 }),
  fc.record({
    kind: fc.constant('block device' as const),
    size,
    device: u64,
    // Zeros stand for none.
    fingerprint: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('hex'))
      .filter((text) => /[^0]/.test(text)),
    counters: fc.record({
      writtenSectors: u64,
      diskSequence: u64.filter((value) => value > 0n),
      bootId,
    }),
  }),
);

const tokens = fc.record({
  nameCrc: fc.nat(0xffff_ffff),
  nameLength: fc.integer({ min: 1, max: 1023 }),
  checkpoint: id.map((bytes) => Buffer.from(bytes).toString('hex')),
});

const controls: fc.Arbitrary<Control> = fc.record({
  kind: fc.constantFrom('image', 'sidecar'),
  state: fc.constantFrom('idle', 'busy'),
  storeId: id,
  sessionId: id,
  leaseUntil: u64,
  isBound: fc.boolean(),
  drive: drives,
  directory: fc.record({ offset: size, crc: fc.nat(0xffff_ffff) }),
  liveEntries: fc.uniqueArray(fc.nat(31)).map((list) => list.toSorted((a, b) => a - b)),
  tokens: fc.array(tokens, { maxLength: 8 }),
});

const sample = () =>
  encodeControl({
    control: controlOf({ offset: 0x50000, crc: 0xdeadbeef }),
    sequence: 7n,
    slots: 0,
  });

/** With a checksum that is right again. */
function changed(data: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const bytes = data.slice();
  const view = new DataView(bytes.buffer);
  change(view);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)));
  return bytes;
}

/** With more tokens behind the fixed part. */
function withTokens(data: Uint8Array, count: number): Uint8Array {
  const tokens = new Uint8Array(24 * count).fill(9);
  const head = data.subarray(0, ControlHead.size);
  const bytes = Buffer.concat([head, tokens, data.subarray(ControlHead.size)]);
  return changed(new Uint8Array(bytes), (view) =>
    view.setUint32(ControlHead.offsetOf.tokenCount, count),
  );
}

describe('the control extension', () => {
  it('has its fields where the format puts them', () => {
    const bytes = sample();
    const view = new DataView(bytes.buffer);
    expect(bytes.length).toBe(160);
    expect([view.getUint32(0), view.getUint32(4), view.getBigUint64(8)]).toEqual([1, 1 | 4, 7n]);
    expect(bytes.subarray(16, 48)).toEqual(Uint8Array.from({ length: 32 }, (_, i) => i + 1));
    expect([48, 56, 64, 72, 80, 88, 96, 104, 112].map((at) => view.getBigUint64(at))).toEqual([
      0n,
      1_048_576n,
      1_700_000_000_123_456_789n,
      1_700_000_001_123_456_789n,
      1_600_000_000_000_000_001n,
      4711n,
      64_512n,
      0n,
      0n,
    ]);
    expect([view.getBigUint64(136), view.getUint32(144)]).toEqual([0x50000n, 0xdeadbeef]);
    expect(view.getUint32(156)).toBe(crc32(bytes.subarray(0, 156)));
  });

  it('comes back as it was written', () => {
    const property = fc.property(controls, u64, fc.nat(8), (control, sequence, slots) => {
      const kept = { ...control, tokens: control.tokens.slice(0, slots) };
      const decoded = decodeControl(encodeControl({ control, sequence, slots }));
      expect(decoded).toEqual({ control: kept, sequence, slots });
    });
    fc.assert(property);
  });

  it('is not taken for right when any bit of it is wrong, or it is cut short', () => {
    const bytes = sample();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const wrong = bytes.slice();
      wrong[bit >> 3]! ^= 1 << (bit & 7);
      expect({ bit, ...decodeControl(wrong) }).toHaveProperty('problem');
    }
    for (let length = 0; length < bytes.length; length++) {
      expect({ length, ...decodeControl(bytes.slice(0, length)) }).toHaveProperty('problem');
    }
  });

  it.each<[string, (view: DataView) => void]>([
    ['of another version', (view) => view.setUint32(0, 2)],
    ['with an unknown flag', (view) => view.setUint32(4, 1 | 4 | 32)],
    ['that is idle and busy', (view) => view.setUint32(4, 1 | 2 | 4)],
    ['that is neither', (view) => view.setUint32(4, 1)],
    ['of a drive of more than 2^53 bytes', (view) => view.setBigUint64(56, 2n ** 60n)],
    ['with a directory behind 2^53', (view) => view.setBigUint64(136, 2n ** 60n)],
  ])('is not used, and is no error: one %s', (_, change) => {
    expect(decodeControl(changed(sample(), change))).toEqual({ problem: expect.any(String) });
  });

  it('has slots for tokens, of 24 bytes, eight at most', () => {
    const token = { nameCrc: 0x12345678, nameLength: 3, checkpoint: 'ab'.repeat(16) };
    const control = controlOf({ offset: 0x50000, crc: 0xdeadbeef }, { tokens: [token] });
    const bytes = encodeControl({ control, sequence: 7n, slots: 8 });
    expect(bytes.length).toBe(160 + 8 * 24);
    expect(Buffer.from(bytes.subarray(152, 152 + 24)).toString('hex')).toBe(
      `1234567800030000${'ab'.repeat(16)}`,
    );
    expect(bytes.subarray(152 + 24, 152 + 8 * 24).every((byte) => byte === 0)).toBe(true);
    expect(decodeControl(bytes)).toMatchObject({ control: { tokens: [token] }, slots: 8 });
    expect(decodeControl(withTokens(sample(), 9))).toEqual({ problem: 'counts 9 tokens' });
  });

  it('survives whatever bytes it is read from', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(decodeControl(bytes)).toHaveProperty('problem');
      }),
    );
  });
});
