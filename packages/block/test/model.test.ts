import assert from 'node:assert/strict';
import type { BlockDevice } from '@tidemark/block';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { deviceKinds } from './support/device-kinds.ts';

const MAX_SIZE = 200_000;

type Op =
  | {
      readonly op: 'write' | 'zero' | 'keep' | 'discard' | 'read';
      readonly at: number;
      readonly length: number;
    }
  | { readonly op: 'resize'; readonly size: number };

const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constantFrom('write', 'zero', 'keep', 'discard', 'read'),
      at: fc.oneof(
        fc.nat(MAX_SIZE),
        fc.nat(48).map((page) => page * 4096),
      ),
      length: fc.oneof(fc.nat(10_000), fc.nat(MAX_SIZE)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('resize'), size: fc.nat(MAX_SIZE) }) },
);

/** A device beside an array of bytes that says what it must hold. */
class Pair {
  readonly #device: BlockDevice;
  #model: Uint8Array;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.#model = new Uint8Array(device.size);
  }

  async run(step: Op, seed: number): Promise<void> {
    if (step.op === 'resize') {
      const next = new Uint8Array(step.size);
      next.set(this.#model.subarray(0, step.size));
      this.#model = next;
      await this.#device.resize(step.size);
      return;
    }
    const at = Math.min(step.at, this.#model.length);
    const length = Math.min(step.length, this.#model.length - at);
    await this.#change(step.op, at, length, seed);
  }

  async #change(op: Exclude<Op['op'], 'resize'>, at: number, length: number, seed: number) {
    const device = this.#device;
    if (op === 'read') {
      assert.deepEqual(await readBytes(device, at, length), this.#model.slice(at, at + length));
    } else if (op === 'write') {
      const bytes = pattern(length, seed);
      await device.write(bytes, at);
      this.#model.set(bytes, at);
    } else if (op === 'discard') {
      await device.discard(at, length);
      await this.#adopt(at, length);
    } else {
      await device.writeZeroes(at, length, { unmap: op === 'zero' });
      this.#model.fill(0, at, at + length);
    }
  }

  /** What a discard left: every byte as it was, or zero. */
  async #adopt(at: number, length: number): Promise<void> {
    const bytes = await readBytes(this.#device, at, length);
    assert.ok(bytes.every((byte, i) => byte === 0 || byte === this.#model[at + i]));
    this.#model.set(bytes, at);
  }

  async check(): Promise<void> {
    assert.deepEqual(await readBytes(this.#device), this.#model);
    let at = 0;
    for (const extent of await extentsOf(this.#device)) {
      assert.equal(extent.offset, at);
      at += extent.length;
      if (!extent.zero) continue;
      assert.ok(this.#model.slice(extent.offset, at).every((byte) => byte === 0));
    }
    assert.equal(at, this.#model.length);
  }
}

describe.each(deviceKinds(tempDir()))('a device of the kind $name', (kind) => {
  it(
    'holds what an array of bytes holds after the same operations',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (steps) => {
          await using device = await kind.create({ size: 150_000 });
          const pair = new Pair(device);
          for (const [seed, step] of steps.entries()) await pair.run(step, seed);
          await pair.check();
        }),
        { numRuns: 40 },
      );
    },
  );
});
