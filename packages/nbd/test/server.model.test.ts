import assert from 'node:assert/strict';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ask } from './support/ask.ts';
import type { RawClient } from './support/raw-client.ts';
import { useServers } from './support/serve.ts';
import { COMMAND, FLAG, type RequestFields } from './support/wire.ts';

const MAX_SIZE = 400_000;
const GRANULARITY = 4096;
const { READ, WRITE, TRIM, WRITE_ZEROES, BLOCK_STATUS } = COMMAND;

interface Op {
  readonly type: number;
  readonly flags: number;
  readonly at: number;
  readonly length: number;
}

const operation: fc.Arbitrary<Op> = fc.record({
  type: fc.constantFrom(READ, READ, WRITE, WRITE, TRIM, WRITE_ZEROES, BLOCK_STATUS),
  flags: fc.constantFrom(0, 0, FLAG.FUA),
  at: fc.oneof(
    fc.nat(MAX_SIZE),
    fc.nat(96).map((page) => page * GRANULARITY),
  ),
  length: fc.oneof(fc.nat(9000), fc.nat(MAX_SIZE)),
});

const serve = useServers();

/** A disk as an array of bytes, and which of its granules were written as an array of flags. */
class Model {
  readonly bytes: Uint8Array;
  readonly dirty: boolean[];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.dirty = Array.from({ length: Math.ceil(size / GRANULARITY) }, () => false);
  }

  fill(at: number, payload: Uint8Array): void {
    this.bytes.set(payload, at);
    for (let i = 0; i < payload.length; i++) this.dirty[Math.floor((at + i) / GRANULARITY)] = true;
  }

  dirtyBytes(at: number, length: number): number[] {
    return Array.from({ length }, (_, i) =>
      this.dirty[Math.floor((at + i) / GRANULARITY)] ? 1 : 0,
    );
  }
}

/** A device that keeps a bitmap of what is written, as a tracked drive does. */
class MarkingDevice extends MemoryDevice {
  readonly bitmap: DirtyBitmap;

  constructor(size: number) {
    super({ size });
    this.bitmap = new DirtyBitmap(size, GRANULARITY);
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.bitmap.set(offset, source.length);
    await super.write(source, offset);
  }

  override writeNow(source: Uint8Array, offset: number): boolean {
    this.bitmap.set(offset, source.length);
    return super.writeNow(source, offset);
  }

  override async writeZeroes(offset: number, length: number): Promise<void> {
    this.bitmap.set(offset, length);
    await super.writeZeroes(offset, length);
  }
}

async function step(client: RawClient, model: Model, op: Op, seed: number): Promise<void> {
  const offset = Math.min(op.at, model.bytes.length);
  const length = Math.min(op.length, model.bytes.length - offset);
  const { type, flags } = op;
  const fields: RequestFields = { type, flags, offset, length };
  if (type === READ) {
    const { data } = await ask(client, fields);
    assert.equal(Buffer.compare(data, model.bytes.subarray(offset, offset + length)), 0);
  } else if (type === BLOCK_STATUS) {
    if (length > 0) await checkStatus(client, model, fields, offset, length);
  } else {
    const payload = new Uint8Array(length).fill(type === WRITE ? 1 + (seed % 255) : 0);
    const sent = type === WRITE ? { ...fields, payload } : fields;
    assert.equal((await ask(client, sent)).errno, 0);
    model.fill(offset, payload);
  }
}

async function checkStatus(
  client: RawClient,
  model: Model,
  fields: RequestFields,
  offset: number,
  length: number,
): Promise<void> {
  const { status } = await ask(client, fields);
  const allocation = status.get(0)!;
  const dirty = status.get(2)!;
  let at = offset;
  for (const [bytes, flags] of allocation) {
    if (flags === 3) assert.ok(model.bytes.subarray(at, at + bytes).every((byte) => byte === 0));
    else assert.equal(flags, 0);
    at += bytes;
  }
  assert.equal(at, offset + length);
  const expanded = dirty.flatMap(([bytes, flags]) => Array.from({ length: bytes }, () => flags));
  assert.deepEqual(expanded, model.dirtyBytes(offset, length));
  for (const runs of [allocation, dirty]) {
    runs.forEach(([bytes, flags], index) => {
      assert.ok(bytes > 0);
      assert.notEqual(flags, runs[index - 1]?.[1]);
    });
  }
}

it('serves a disk that behaves as an array of bytes, whatever is asked of it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: MAX_SIZE }),
      fc.boolean(),
      fc.array(operation, { maxLength: 25 }),
      async (size, isStructured, operations) => {
        const device = new MarkingDevice(size);
        const bitmaps = () => [{ name: 'x', content: () => device.bitmap }];
        const { server, enter } = await serve({ device, bitmaps });
        const contexts = isStructured ? ['base:allocation', 'qemu:dirty-bitmap:x'] : [];
        const client = await enter({ isStructured, contexts });
        const model = new Model(size);
        for (const [seed, op] of operations.entries()) {
          if (isStructured || op.type !== BLOCK_STATUS) await step(client, model, op, seed);
        }
        await server.close();
        const content = new Uint8Array(size);
        await device.read(content, 0);
        expect(Buffer.compare(content, model.bytes)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
