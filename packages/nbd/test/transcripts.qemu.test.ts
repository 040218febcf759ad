import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type NbdServer, startNbdServer } from '../src/index.ts';
import { type Answer, RawClient } from './support/raw-client.ts';
import {
  COMMAND,
  FLAG,
  infoPayload,
  metaPayload,
  OPTION,
  option,
  request,
  type RequestFields,
  text,
  u16,
  u32,
} from './support/wire.ts';

const MIB = 2 ** 20;

type Transcript = readonly (string | readonly string[])[];

/** What a conversation looks like from outside. */
type Conversation = (path: string) => Promise<Transcript>;

/** Options in turn, after the client's flags. */
function options(...steps: readonly (readonly [number, Uint8Array?])[]): Conversation {
  return async (path) => {
    const client = await RawClient.connect(path);
    client.send(u32(3));
    const transcript: string[][] = [];
    for (const [code, payload] of steps) {
      transcript.push((await client.option(code, payload)).map(readable));
    }
    client.close();
    return transcript;
  };
}

/** Bytes at once, behind the flags; then all that comes until the server hangs up. */
function cutOff(flags: number, ...parts: readonly Uint8Array[]): Conversation {
  return async (path) => {
    const client = await RawClient.connect(path);
    client.send(u32(flags), ...parts);
    return [readable(await client.rest())];
  };
}

/** Requests one after the other, on one connection as long as it holds. */
function requests(isStructured: boolean, ...steps: readonly RequestFields[]): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { isStructured });
    const transcript: string[][] = [];
    for (const step of steps) {
      client.send(request(step));
      const dataLength = step.type === COMMAND.READ ? (step.length ?? 0) : 0;
      transcript.push((await client.reply(dataLength)).map(readable));
    }
    client.close();
    return transcript;
  };
}

function statuses(contexts: readonly string[], ...steps: readonly RequestFields[]): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { contexts });
    const transcript: string[][] = [];
    for (const step of steps) {
      client.send(request({ ...step, type: COMMAND.BLOCK_STATUS }));
      transcript.push((await client.reply()).map(readable));
    }
    client.close();
    return transcript;
  };
}

/** A request that ends the connection: its replies, then the end. */
function lastRequest(isStructured: boolean, step: RequestFields): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { isStructured });
    client.send(request(step));
    return [readable(await client.rest())];
  };
}

/** Texts stay texts, so that a difference can be read. */
function readable(answer: Answer): string {
  return answer === 'end' ? 'end' : JSON.stringify(answer.toString('latin1'));
}

const { READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS } = COMMAND;
const ALL_CONTEXTS = ['base:allocation', 'qemu:dirty-bitmap:first', 'qemu:dirty-bitmap:second'];

const NEGOTIATIONS: Readonly<Record<string, Conversation>> = {
  'lists its exports': options([OPTION.LIST]),
  'refuses a payload where none belongs': options(
    [OPTION.LIST, Buffer.from('x')],
    [OPTION.STARTTLS, Buffer.from('xy')],
    [OPTION.STRUCTURED_REPLY, Buffer.from('x')],
    [OPTION.STRUCTURED_REPLY],
  ),
  'says goodbye on abort': options([OPTION.ABORT]),
  'has no TLS': options([OPTION.STARTTLS], [OPTION.LIST]),
  'knows no other options': options([4], [11], [99, Buffer.from('payload')], [OPTION.LIST]),
  'agrees on structured replies once': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.STRUCTURED_REPLY],
  ),
  'tells of an export': options([OPTION.INFO, infoPayload('exp')]),
  'tells of its name and block sizes, and nothing of what it does not know': options([
    OPTION.INFO,
    infoPayload('exp', 3, 1, 77),
  ]),
  'tells of DF behind structured replies': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.GO, infoPayload('exp')],
  ),
  'has no other export': options(
    [OPTION.GO, infoPayload('nope')],
    [OPTION.INFO, infoPayload('')],
    [OPTION.GO, infoPayload('n'.repeat(79))],
    [OPTION.GO, infoPayload('n'.repeat(80))],
    [OPTION.GO, infoPayload('n'.repeat(4096))],
    [OPTION.LIST_META_CONTEXT, metaPayload('nope')],
  ),
  'refuses lengths that do not fit together': options(
    [OPTION.GO, Buffer.alloc(2)],
    [OPTION.GO, Buffer.concat([u32(9), Buffer.from('exp')])],
    [OPTION.GO, text('exp')],
    [OPTION.GO, Buffer.concat([text('exp'), u16(2), u16(1)])],
    [OPTION.GO, Buffer.concat([infoPayload('exp'), Buffer.from('zz')])],
    [OPTION.GO, infoPayload('e'.repeat(5000))],
    [OPTION.LIST_META_CONTEXT, text('exp')],
    [OPTION.LIST_META_CONTEXT, Buffer.concat([text('exp'), u32(2), text('base:')])],
    [OPTION.LIST],
  ),
  'lists contexts by name and by wildcard': options(
    [OPTION.LIST_META_CONTEXT, metaPayload('exp')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'base:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'qemu:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'qemu:dirty-bitmap:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'foo:bar', 'base:nope', 'qemu:dirty')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'b'.repeat(5000), 'base:allocation')],
  ),
  'sets no contexts without structured replies': options([
    OPTION.SET_META_CONTEXT,
    metaPayload('exp', 'base:allocation'),
  ]),
  'sets contexts in its own order, each once, with its own numbers': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', ...ALL_CONTEXTS.toReversed(), 'base:allocation')],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', 'qemu:dirty-bitmap:second')],
  ),
  'sets nothing by wildcard or by no query': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', 'base:', 'qemu:', 'qemu:dirty-bitmap:')],
    [OPTION.SET_META_CONTEXT, metaPayload('exp')],
  ),
  'hangs up on a wrong magic': cutOff(3, Buffer.from('IHAVEOPX'), u32(3), u32(0)),
  'hangs up on an option without end': cutOff(3, option(OPTION.LIST, Buffer.alloc(0), 2 ** 31)),
  'hangs up on an unknown flag': cutOff(7, option(OPTION.LIST)),
  'hangs up on an old client that asks for more than an export': cutOff(0, option(OPTION.LIST)),
  'hangs up where an export by name is not there': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.from('nope')),
  ),
  'hangs up on a name that is too long': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.alloc(4097, 'e')),
  ),
  'opens an export by name': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.from('exp')),
    request({ type: DISC }),
  ),
  'opens an export by name for an old client': cutOff(
    0,
    option(OPTION.EXPORT_NAME, Buffer.from('exp')),
    request({ type: DISC }),
  ),
};

const WRONG_REQUESTS: readonly RequestFields[] = [
  { type: READ, offset: MIB - 10, length: 20 },
  { type: READ, offset: 2n ** 64n - 1n, length: 1 },
  { type: READ, offset: 2n ** 53n + 1n, length: 1 },
  { type: READ, length: 1, flags: FLAG.FAST_ZERO },
  { type: READ, length: 2 ** 25 + 1 },
  { type: READ, length: 2 ** 25 },
  { type: WRITE, offset: MIB - 1, payload: Buffer.from('ab') },
  { type: WRITE, flags: 0x10, payload: Buffer.from('ab') },
  { type: TRIM, offset: MIB, length: 1 },
  { type: TRIM, length: 2 ** 32 - 1 },
  { type: WRITE_ZEROES, offset: MIB, length: 1 },
  { type: WRITE_ZEROES, length: 1, flags: FLAG.DF | FLAG.REQ_ONE },
  { type: FLUSH, offset: 2 ** 40 },
  { type: CACHE, length: 2 ** 25 + 1 },
  { type: CACHE, length: 1, flags: FLAG.DF },
  { type: BLOCK_STATUS, length: 512 },
  { type: BLOCK_STATUS, length: 0 },
  { type: BLOCK_STATUS, length: 512, flags: 0x20 },
  { type: 8 },
  { type: 42 },
  { type: 42, flags: 16 },
  { type: 42, offset: 2 ** 40 },
  { type: READ, length: 4, flags: 0xffff },
];

const RIGHT_REQUESTS: readonly RequestFields[] = [
  { type: READ, offset: 4096, length: 16 },
  { type: READ, offset: 4096, length: 16, flags: FLAG.FUA },
  { type: READ, length: 0 },
  { type: READ, offset: MIB, length: 0 },
  { type: CACHE, length: 512 },
  { type: CACHE, length: 0 },
  { type: FLUSH },
  { type: FLUSH, flags: FLAG.FUA },
  { type: FLUSH, offset: MIB },
];

const CHANGES: readonly RequestFields[] = [
  { type: WRITE, offset: 512, payload: Buffer.from('written') },
  { type: WRITE, payload: Buffer.alloc(0) },
  { type: WRITE, offset: 70_000, payload: Buffer.alloc(70_000, 7), flags: FLAG.FUA },
  { type: WRITE_ZEROES, offset: 100, length: 100 },
  { type: WRITE_ZEROES, length: 0 },
  { type: WRITE_ZEROES, offset: 600, length: 4096, flags: FLAG.NO_HOLE | FLAG.FUA },
  { type: TRIM, length: 0 },
];

const TRANSMISSIONS: Readonly<Record<string, Conversation>> = {
  'answers what is right, in structured replies': requests(
    true,
    ...RIGHT_REQUESTS,
    { type: READ, length: 200_000, flags: FLAG.DF },
    { type: READ, offset: 131_072, length: 500_000 },
  ),
  'answers what is right, in simple replies': requests(false, ...RIGHT_REQUESTS, {
    type: READ,
    length: 200_000,
  }),
  'refuses what is wrong, with a text': requests(true, ...WRONG_REQUESTS),
  'refuses what is wrong, in simple replies': requests(false, ...WRONG_REQUESTS, {
    type: READ,
    length: 4,
    flags: FLAG.DF,
  }),
  'hangs up on a wrong magic': lastRequest(true, { type: READ, length: 1, magic: 1 }),
  'hangs up on a wrong magic, in simple replies': lastRequest(false, { type: READ, magic: 1 }),
  'hangs up on a write that is too long': lastRequest(true, { type: WRITE, length: 2 ** 25 + 1 }),
  'hangs up on disconnect': lastRequest(true, { type: DISC }),
  'tells of allocation': statuses(
    ['base:allocation'],
    { type: BLOCK_STATUS, length: MIB },
    { type: BLOCK_STATUS, offset: 1000, length: 200_000 },
    { type: BLOCK_STATUS, length: MIB, flags: FLAG.REQ_ONE },
    { type: BLOCK_STATUS, length: 0 },
  ),
  'tells of all contexts in its own order': statuses(
    ALL_CONTEXTS.toReversed(),
    { type: BLOCK_STATUS, length: MIB },
    { type: BLOCK_STATUS, offset: 65_535, length: 2 },
    { type: BLOCK_STATUS, offset: 1000, length: 3000 },
    { type: BLOCK_STATUS, offset: 100_000, length: 900_000, flags: FLAG.REQ_ONE },
    { type: BLOCK_STATUS, length: 2 ** 32 - 1 },
  ),
  'tells of the second bitmap alone': statuses(['qemu:dirty-bitmap:second'], {
    type: BLOCK_STATUS,
    length: MIB,
  }),
};

describeWithQemu('an NBD server beside qemu-nbd', ['qemu-nbd', 'qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const pids: string[] = [];
  const servers: NbdServer[] = [];

  async function startQemu(path: string, image: string, ...args: readonly string[]) {
    const pidFile = `${path}.pid`;
    const fixed = ['--fork', '-t', '-e', '0', '-x', 'exp', '-D', 'a disk'];
    await run('qemu-nbd', ...fixed, '--pid-file', pidFile, '-k', path, ...args, image);
    pids.push(readFileSync(pidFile, 'utf8').trim());
  }

  beforeAll(async () => {
    const image = join(dir, 'disk.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '1M');
    await run('qemu-img', 'bitmap', '--add', '-g', '65536', image, 'second');
    await run('qemu-io', '-c', 'write -P 5 0 128k', image);
    await run('qemu-img', 'bitmap', '--add', '-g', '4096', image, 'first');
    await run('qemu-io', '-c', 'write -P 6 4k 4k', '-c', 'write -P 6 640k 64k', image);
    const raw = join(dir, 'disk.raw');
    await run('qemu-img', 'create', '-q', '-f', 'raw', raw, '1M');
    // The order in which it serves bitmaps is the reverse of this.
    const bitmaps = ['-B', 'second', '-B', 'first'];
    await startQemu(join(dir, 'qemu-ro'), image, '-r', '-f', 'qcow2', ...bitmaps);
    await startQemu(join(dir, 'qemu-rw'), raw, '-f', 'raw');

    const device = new MemoryDevice({ size: MIB });
    await device.write(Buffer.alloc(131_072, 5), 0);
    await device.write(Buffer.alloc(4096, 6), 4096);
    await device.write(Buffer.alloc(65_536, 6), 655_360);
    const second = new DirtyBitmap(MIB, 65_536);
    const first = new DirtyBitmap(MIB, 4096);
    second.set(0, 131_072);
    for (const bitmap of [first, second]) {
      bitmap.set(4096, 4096);
      bitmap.set(655_360, 65_536);
    }
    servers.push(
      await startNbdServer({
        address: { type: 'unix', path: join(dir, 'ours-ro') },
        exports: [
          {
            name: 'exp',
            description: 'a disk',
            device,
            readOnly: true,
            bitmaps: () => [
              { name: 'first', content: () => first },
              { name: 'second', content: () => second },
            ],
          },
        ],
      }),
      await startNbdServer({
        address: { type: 'unix', path: join(dir, 'ours-rw') },
        exports: [{ name: 'exp', description: 'a disk', device: new MemoryDevice({ size: MIB }) }],
      }),
    );
  });

  afterAll(async () => {
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
    for (const server of servers) await server.close();
  });

  async function compare(conversation: Conversation, kind: 'ro' | 'rw') {
    const ours = await conversation(join(dir, `ours-${kind}`));
    expect(ours).toEqual(await conversation(join(dir, `qemu-${kind}`)));
    expect(ours.length).toBeGreaterThan(0);
  }

  it.for(Object.entries(NEGOTIATIONS))('%s, as QEMU does', async ([, conversation]) => {
    await compare(conversation, 'ro');
  });

  it.for(Object.entries(TRANSMISSIONS))('%s, as QEMU does', async ([, conversation]) => {
    await compare(conversation, 'ro');
  });

  it.for([true, false])('answers changes as QEMU does (structured: %s)', async (isStructured) => {
    await compare(requests(isStructured, ...CHANGES, ...WRONG_REQUESTS), 'rw');
  });
});
