import assert from 'node:assert/strict';
import type { BlockDevice } from '@tidemark/block';
import * as fc from 'fast-check';
import { extentsOf, pattern, readBytes } from '../../../../tools/device/bytes.ts';

const KINDS = ['write', 'zero', 'keep', 'discard', 'read', 'flush'] as const;

/** A call; offsets and lengths are cut to the device. */
export interface Op {
  readonly op: (typeof KINDS)[number];
  readonly at: number;
  readonly length: number;
}

/** Calls on a disk of `size` bytes, all on multiples of `block`, but for reads. */
export function operations(size: number, block = 1): fc.Arbitrary<readonly Op[]> {
  const blocks = (most: number) => fc.nat(Math.floor(most / block)).map((count) => count * block);
  const change = fc.record({
    op: fc.constantFrom(...KINDS),
    at: blocks(size),
    length: fc.oneof(blocks(Math.min(10_000, size)), blocks(size)),
  });
  const read = fc.record({ op: fc.constant('read'), at: fc.nat(size), length: fc.nat(size) });
  return fc.array(fc.oneof<fc.Arbitrary<Op>[]>(change, change, change, read), { maxLength: 20 });
}

/** Does the calls to the device and to a plain array, and compares. */
export async function runModel(device: BlockDevice, steps: readonly Op[]): Promise<Uint8Array> {
  await device.writeZeroes(0, device.size);
  const model = new Uint8Array(device.size);
  for (const [seed, step] of steps.entries()) await runStep(device, model, step, seed);
  await check(device, model);
  return model;
}

async function runStep(device: BlockDevice, model: Uint8Array, step: Op, seed: number) {
  const at = Math.min(step.at, device.size);
  const length = Math.min(step.length, device.size - at);
  if (step.op === 'flush') await device.flush();
  else if (step.op === 'read') {
    assert.deepEqual(await readBytes(device, at, length), model.slice(at, at + length));
  } else if (step.op === 'write') {
    const bytes = pattern(length, seed);
    await device.write(bytes, at);
    model.set(bytes, at);
  } else if (step.op === 'discard') {
    await device.discard(at, length);
    const left = await readBytes(device, at, length);
    assert.ok(left.every((byte, index) => byte === 0 || byte === model[at + index]));
    model.set(left, at);
  } else {
    await device.writeZeroes(at, length, { unmap: step.op === 'zero' });
    model.fill(0, at, at + length);
  }
}

async function check(device: BlockDevice, model: Uint8Array): Promise<void> {
  assert.deepEqual(await readBytes(device), model);
  let at = 0;
  for (const extent of await extentsOf(device)) {
    assert.equal(extent.offset, at);
    at += extent.length;
    assert.ok(!extent.zero || model.subarray(extent.offset, at).every((byte) => byte === 0));
  }
  assert.equal(at, model.length);
}
