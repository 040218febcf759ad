import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import type { Answer } from './support/raw-client.ts';
import { useServers } from './support/serve.ts';
import { metaPayload, OPTION, u32 } from './support/wire.ts';

const UNSUP = 0x80000001;
const INVALID = 0x80000003;
const ACK = 1;

const serve = useServers();

const typesOf = (answers: readonly Answer[]) =>
  answers.map((answer) => (answer === 'end' ? answer : answer.readUInt32BE(12)));

// What QEMU does as well is in transcripts.qemu.test.ts.
describe('a negotiation', () => {
  it('takes options of up to 1 MiB, and hangs up on longer ones', async () => {
    const { connect } = await serve({ device: new MemoryDevice({ size: 4096 }) });
    const client = await connect();
    client.send(u32(3));
    expect(typesOf(await client.option(99, Buffer.alloc(2 ** 20)))).toEqual([UNSUP]);
    expect(typesOf(await client.option(99, Buffer.alloc(0), 2 ** 20 + 1))).toEqual(['end']);
  });

  it('refuses bytes behind the last query, and goes on', async () => {
    const { connect } = await serve({ device: new MemoryDevice({ size: 4096 }) });
    const client = await connect();
    client.send(u32(3));
    const payload = Buffer.concat([metaPayload('exp', 'base:allocation'), Buffer.from('more')]);
    expect(typesOf(await client.option(OPTION.LIST_META_CONTEXT, payload))).toEqual([INVALID]);
    expect(typesOf(await client.option(OPTION.ABORT))).toEqual([ACK]);
  });

  it('ends, and says why in the log, where the bitmaps cannot be told', async () => {
    const { connect, log } = await serve({
      device: new MemoryDevice({ size: 4096 }),
      bitmaps: () => Promise.reject(new Error('the store is broken')),
    });
    const client = await connect();
    client.send(u32(3));
    const answers = await client.option(OPTION.LIST_META_CONTEXT, metaPayload('exp'));
    expect(typesOf(answers)).toEqual(['end']);
    expect(log).toEqual(['a client is cut off: Error: the store is broken']);
  });
});
