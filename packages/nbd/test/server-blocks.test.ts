import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { ask } from './support/ask.ts';
import type { Answer } from './support/raw-client.ts';
import { useServers } from './support/serve.ts';
import { NotingDevice } from './support/test-devices.ts';
import { COMMAND, infoPayload, OPTION, option, u32 } from './support/wire.ts';

const MIB = 2 ** 20;
const BLOCK_SIZE = 3;
const { READ, WRITE, TRIM, WRITE_ZEROES, BLOCK_STATUS, CACHE, FLUSH } = COMMAND;

const serve = useServers();

/** Type and payload of each reply. */
const told = (answers: readonly Answer[]) =>
  answers.map((answer) =>
    answer === 'end' ? answer : [answer.readUInt32BE(12), answer.subarray(20).toString('hex')],
  );

describe('an export of whole blocks', () => {
  const blockSize = { minimum: 512, preferred: 4096, maximum: MIB };

  it('says so, whether it is asked or not, and refuses who did not ask', async () => {
    const { connect } = await serve({ device: new MemoryDevice({ size: MIB }), blockSize });
    const client = await connect();
    client.send(u32(3));
    const sizes = [3, '0003000002000000100000100000'];
    for (const code of [OPTION.INFO, OPTION.GO]) {
      const [first, last] = told(await client.option(code, infoPayload('exp')));
      expect(first).toEqual(sizes);
      expect(last?.[0]).toBe(2 ** 31 + 8);
    }
    const accepted = told(await client.option(OPTION.GO, infoPayload('exp', BLOCK_SIZE)));
    expect(accepted.at(-1)).toEqual([1, '']);
  });

  it.each([
    ['asks', [BLOCK_SIZE], 1, '00000200', 22],
    ['does not ask', [], 2 ** 31 + 8, '00000001', 0],
  ] as const)(
    'that takes others too is there for who %s',
    async (_, infos, looked, minimum, errno) => {
      const device = new MemoryDevice({ size: MIB });
      const { connect } = await serve({ device, blockSize, takesAnyBlock: true });
      const client = await connect();
      client.send(u32(3));
      const answers = told(await client.option(OPTION.INFO, infoPayload('exp', ...infos)));
      expect(answers.at(-1)?.[0]).toBe(looked);
      await client.option(OPTION.STRUCTURED_REPLY);
      const [sizes] = told(await client.option(OPTION.GO, infoPayload('exp', ...infos)));
      expect(sizes).toEqual([3, `0003${minimum}0000100000100000`]);
      expect(await ask(client, { type: READ, offset: 1, length: 3 })).toMatchObject({ errno });
    },
  );

  it('that takes others too is there by its name alone', async () => {
    const device = new MemoryDevice({ size: MIB });
    const { connect } = await serve({ device, blockSize, takesAnyBlock: true });
    const client = await connect();
    client.send(u32(3), option(OPTION.EXPORT_NAME, Buffer.from('exp')));
    expect((await client.take(10)).readBigUInt64BE(0)).toBe(BigInt(MIB));
  });

  it('hangs up on a client that cannot be told', async () => {
    const { connect } = await serve({ device: new MemoryDevice({ size: MIB }), blockSize });
    const client = await connect();
    client.send(u32(3), option(OPTION.EXPORT_NAME, Buffer.from('exp')));
    expect((await client.rest()).length).toBe(0);
  });

  it('does nothing of a request that is not made of them', async () => {
    const device = new NotingDevice({ size: MIB });
    const { connect } = await serve({ device, blockSize });
    const client = await connect();
    client.send(u32(3));
    await client.option(OPTION.STRUCTURED_REPLY);
    await client.option(OPTION.GO, infoPayload('exp', BLOCK_SIZE));
    for (const type of [READ, TRIM, WRITE_ZEROES, BLOCK_STATUS, CACHE]) {
      for (const [offset, length] of [
        [1, 512],
        [512, 511],
      ] as const) {
        expect(await ask(client, { type, offset, length })).toMatchObject({
          errno: 22,
          text: `not whole blocks of 512 bytes; From: ${offset}, Len: ${length}`,
        });
      }
    }
    const payload = Buffer.alloc(513);
    expect(await ask(client, { type: WRITE, payload })).toMatchObject({ errno: 22 });
    expect(device.notes).toEqual([]);
    expect(await ask(client, { type: FLUSH })).toMatchObject({ errno: 0 });
    expect(await ask(client, { type: READ, offset: 512, length: 1024 })).toMatchObject({
      errno: 0,
    });
  });

  it('takes no more data at once than it said, and all the same as much as ever fits', async () => {
    const { enter } = await serve({
      device: new MemoryDevice({ size: 4 * MIB }),
      blockSize: { maximum: MIB },
    });
    const client = await enter();
    const tooLong = { type: READ, length: MIB + 1 };
    expect(await ask(client, tooLong)).toMatchObject({
      errno: 22,
      text: `len (${MIB + 1} ) is larger than max len (${MIB})`,
    });
    const payload = Buffer.alloc(MIB + 1);
    expect(await ask(client, { type: WRITE, payload })).toMatchObject({ errno: 22 });
    expect(await ask(client, { type: READ, length: MIB })).toMatchObject({ errno: 0 });
    expect(await ask(client, { type: TRIM, length: 4 * MIB })).toMatchObject({ errno: 0 });
  });

  it.each([
    { minimum: 3 },
    { minimum: 131_072 },
    { minimum: 0 },
    { preferred: 100 },
    { minimum: 4096, preferred: 512 },
    { maximum: 64 * MIB },
    { maximum: 100 },
    { minimum: 512, maximum: 5000 },
    { minimum: Number.NaN },
  ])('cannot be of %o', async (wrong) => {
    const device = new MemoryDevice({ size: MIB });
    await expect(serve({ device, blockSize: wrong })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
