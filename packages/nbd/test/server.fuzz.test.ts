import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ask } from './support/ask.ts';
import { type Served, useServers } from './support/serve.ts';
import { COMMAND, infoPayload, metaPayload, OPTION, option, request, u32 } from './support/wire.ts';

const SIZE = 2 ** 20;
const numRuns = 150;

const serve = useServers();

function serveOne(): Promise<Served> {
  const bitmap = new DirtyBitmap(SIZE, 4096);
  const bitmaps = () => [{ name: 'x', content: () => bitmap }];
  return serve({ device: new MemoryDevice({ size: SIZE }), bitmaps });
}

const NEGOTIATION = [
  u32(3),
  option(OPTION.STRUCTURED_REPLY),
  option(OPTION.LIST),
  option(OPTION.LIST_META_CONTEXT, metaPayload('exp', 'qemu:')),
  option(OPTION.SET_META_CONTEXT, metaPayload('exp', 'base:allocation', 'qemu:dirty-bitmap:x')),
  option(OPTION.INFO, infoPayload('exp', 3)),
  option(OPTION.GO, infoPayload('exp', 0, 1, 2, 3)),
];
const REQUESTS = [
  request({ type: COMMAND.WRITE, offset: 4096, payload: Buffer.alloc(5000, 1) }),
  request({ type: COMMAND.READ, length: 10_000 }),
  request({ type: COMMAND.BLOCK_STATUS, length: SIZE }),
  request({ type: COMMAND.WRITE_ZEROES, offset: 8, length: 100_000 }),
  request({ type: COMMAND.TRIM, length: 4096 }),
  request({ type: COMMAND.FLUSH }),
  request({ type: COMMAND.CACHE, length: 4096 }),
];
const CONVERSATION = Buffer.concat([...NEGOTIATION, ...REQUESTS]);

/** Says it all and hangs up; the server has to hang up too, and to serve the next one. */
async function expectSurvives({ connect, enter, log }: Served, bytes: Uint8Array): Promise<void> {
  const client = await connect();
  client.socket.end(bytes);
  await client.rest();
  const next = await enter();
  expect(await ask(next, { type: COMMAND.FLUSH })).toMatchObject({ errno: 0 });
  next.close();
  client.close();
  expect(log.filter((line) => !isExpected(line))).toEqual([]);
  log.length = 0;
}

/** A TypeError in the log would be a bug of ours that was caught. */
function isExpected(line: string): boolean {
  return line.startsWith('a client is cut off: ') && !/TypeError|RangeError/u.test(line);
}

const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    removed: fc.nat(12),
    added: fc.uint8Array({ maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function edit(bytes: Uint8Array, changes: typeof edits extends fc.Arbitrary<infer T> ? T : never) {
  let edited = Buffer.from(bytes);
  for (const { at, removed, added } of changes) {
    const place = Math.floor(at * edited.length);
    edited = Buffer.concat([edited.subarray(0, place), added, edited.subarray(place + removed)]);
  }
  return edited;
}

it('survives noise', async () => {
  const served = await serveOne();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), (bytes) => expectSurvives(served, bytes)),
    { numRuns },
  );
});

it('survives noise in place of options', async () => {
  const served = await serveOne();
  const options = fc.array(fc.tuple(fc.nat(12), fc.uint8Array({ maxLength: 60 })), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(options, (list) =>
      expectSurvives(
        served,
        Buffer.concat([u32(3), ...list.map(([code, bytes]) => option(code, bytes))]),
      ),
    ),
    { numRuns },
  );
});

it('survives requests of any kind', async () => {
  const served = await serveOne();
  const requests = fc.array(
    fc.record({
      type: fc.nat(9),
      flags: fc.oneof(fc.constant(0), fc.nat(65_535)),
      offset: fc.oneof(fc.nat(SIZE), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      length: fc.oneof(fc.nat(5000), fc.nat(2 ** 32 - 1)),
      payload: fc.uint8Array({ maxLength: 5000 }),
    }),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(requests, (list) =>
      expectSurvives(served, Buffer.concat([...NEGOTIATION, ...list.map(request)])),
    ),
    { numRuns },
  );
});

it('survives a conversation with mistakes in it', async () => {
  const served = await serveOne();
  await fc.assert(
    fc.asyncProperty(edits, (changes) => expectSurvives(served, edit(CONVERSATION, changes))),
    { numRuns },
  );
});

it('survives a conversation that breaks off anywhere', async () => {
  const served = await serveOne();
  for (let end = 0; end < CONVERSATION.length; end += 31) {
    await expectSurvives(served, CONVERSATION.subarray(0, end));
  }
});
