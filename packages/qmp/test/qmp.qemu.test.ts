import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type JsonObject, QmpClient, QmpServer } from '../src/index.ts';
import { isJsonObject } from '../src/json/json-value.ts';
import { FakeTarget } from './fake-target.ts';
import { wrongCalls } from './wrong-calls.ts';

/** One request, one reply, as lines: what stands in them is what the test is about. */
class Lines {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #text = '';

  constructor(path: string) {
    this.#socket = connect(path);
    this.#chunks = this.#socket.iterator() as AsyncIterator<Uint8Array>;
  }

  async ask(request: string): Promise<string> {
    this.#socket.write(request);
    return this.read();
  }

  async read(): Promise<string> {
    while (!this.#text.includes('\r\n')) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Error('the server closed the connection');
      this.#text += Buffer.from(value).toString();
    }
    const end = this.#text.indexOf('\r\n');
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return line;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A request is not answered in every case: this is sent behind it, and is. */
const MARKER = '\u0000{"execute":"query-block","id":"marker"}';

async function repliesTo(lines: Lines, request: string): Promise<string[]> {
  const replies = [await lines.ask(`${request}\n${MARKER}`)];
  while (!replies.at(-1)!.includes('marker')) replies.push(await lines.read());
  return replies;
}

async function describeN0(client: QmpClient): Promise<JsonObject> {
  const nodes = await client.execute('query-named-block-nodes');
  if (!Array.isArray(nodes)) throw new Error('nodes come in a list');
  const n0: unknown = nodes.find((node) => isJsonObject(node) && node['node-name'] === 'n0');
  if (!isJsonObject(n0)) throw new Error('there is no node n0');
  return n0;
}

describeWithQemu('qemu-storage-daemon', ['qemu-storage-daemon', 'qemu-img'], () => {
  const dir = tempDir();
  const qemuPath = join(dir, 'qemu.sock');
  const ourPath = join(dir, 'ours.sock');
  const pidfile = join(dir, 'pid');
  const server = new QmpServer({ target: new FakeTarget('n0'), product: 'tidemark' });
  beforeAll(async () => {
    const image = join(dir, 'n0.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '1M');
    const qemu = spawn('qemu-storage-daemon', [
      '--blockdev',
      `driver=qcow2,node-name=n0,file.driver=file,file.filename=${image}`,
      '--chardev',
      `socket,path=${qemuPath},server=on,wait=off,id=c`,
      '--monitor',
      'chardev=c',
      '--pidfile',
      pidfile,
      '--daemonize',
    ]);
    // With --daemonize the first process ends when the socket is there.
    await once(qemu, 'exit');
    await server.listen(ourPath);
  });

  afterAll(async () => {
    process.kill(Number(readFileSync(pidfile, 'utf8')));
    await server.close();
  });

  /** Both servers' replies to a request. QEMU serves one client at a time: leave none behind. */
  async function both(request: string): Promise<readonly [theirs: string[], ours: string[]]> {
    const replies: string[][] = [];
    for (const path of [qemuPath, ourPath]) {
      const lines = new Lines(path);
      try {
        await lines.read();
        await lines.ask('{"execute":"qmp_capabilities"}');
        replies.push(await repliesTo(lines, request));
      } finally {
        lines.close();
      }
    }
    return [replies[0]!, replies[1]!];
  }

  it.each(wrongCalls)('answers %s as we do', async (request, desc) => {
    const [theirs, ours] = await both(request);
    expect(theirs[0]).toContain(JSON.stringify(desc));
    expect(ours).toEqual(theirs);
  });

  it.each([
    '{"execute":foo}',
    '{"execute":"query-block","id":01}',
    '{"execute":"query-block","id":-}',
    '{"execute":"query-block","id":#}',
    '{"execute":"query-block","id":1.e}',
    '{"execute":"query-block","id":"a\\qb"}',
    '{"execute":"query-block","id":"\\ud800"}',
    '{"execute":"query-block","id":9]',
    '{"execute":"query-block","id":{1:2}}',
    '{"execute":"query-block","id":{"a" 2}}',
    '{"execute":"query-block","id":[1,2,]}',
    '{"execute":\u0001 "query-version"}',
    '{"execute":"query-bl\nock","id":4}',
    '{"execute":"query-bl\u0001ock","id":4}',
    ']',
    '}',
    'null',
    '%',
    '"text"',
    `{'execute':'query-block','id':'it\\'s "x"'}`,
    '{"execute":"query-block","id":[12345678901234567890,-5,1e3,1.5,null,true,"é\\u007f\\ud83d\\ude00\\/"]}',
    '{"execute":"query-block","id":1}{"execute":"query-block","id":2}',
    `{"execute":"query-block","id":${'['.repeat(300)}${']'.repeat(300)}}`,
  ])('reads %j as we do', async (input) => {
    const [theirs, ours] = await both(input);
    expect(ours).toEqual(theirs);
  });

  it('is understood by our client', async () => {
    const client = await QmpClient.connect(qemuPath);
    await client.execute('block-dirty-bitmap-add', { node: 'n0', name: 'é', granularity: 4096 });
    expect(
      await client.execute('x-debug-block-dirty-bitmap-sha256', { node: 'n0', name: 'é' }),
    ).toEqual({ sha256: '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925' });
    const n0 = await describeN0(client);
    expect(n0['dirty-bitmaps']).toMatchObject([{ name: 'é', granularity: 4096 }]);
    await client.execute('block-dirty-bitmap-remove', { node: 'n0', name: 'é' });
    await client.close();
  });

  it('has no member in its answers about nodes that ours lack', async () => {
    const [theirs, ours] = await Promise.all([
      QmpClient.connect(qemuPath),
      QmpClient.connect(ourPath),
    ]);
    const expected = Object.keys(await describeN0(theirs)).sort();
    expect(Object.keys(await describeN0(ours)).sort()).toEqual(expected);
    await theirs.close();
    await ours.close();
  });
});
