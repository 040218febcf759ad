import { once } from 'node:events';
import { connect } from 'node:net';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { type NbdServer, startNbdServer } from '@tidemark/nbd';
import { clientMessages, FUZZED_NAME, FUZZED_SIZE, type Mode } from './client-messages.ts';
import { damage } from './damage.ts';
import { judgeReplies } from './judge-replies.ts';
import { Random } from './random.ts';

const MODES: readonly Mode[] = ['simple', 'structured', 'extended', 'extended'];

/** Our server, and clients that say anything. */
export class ServerFuzz implements AsyncDisposable {
  readonly #path: string;
  readonly #log: string[] = [];
  #server: NbdServer | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async start(): Promise<void> {
    const device = new MemoryDevice({ size: FUZZED_SIZE });
    await device.write(Buffer.alloc(200_000, 1), 300_000);
    const bitmap = new DirtyBitmap(FUZZED_SIZE, 4096);
    for (let at = 0; at < FUZZED_SIZE; at += 20_000) bitmap.set(at, 5000);
    const bitmaps = () => [{ name: 'b', content: () => bitmap }];
    this.#server = await startNbdServer({
      address: { type: 'unix', path: this.#path },
      exports: [{ name: FUZZED_NAME, device, bitmaps, allocationDepth: true }],
      log: (line) => void this.#log.push(line),
    });
  }

  /** What is wrong with how the server answers one client; undefined for nothing. */
  async run(seed: number): Promise<string | undefined> {
    const random = new Random(seed);
    const messages = clientMessages(random, random.pick(MODES));
    const isDamaged = random.chance(0.7);
    const sent = isDamaged ? damage(random, messages) : Buffer.concat(messages);
    const socket = connect(this.#path);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    const timer = setTimeout(() => socket.destroy(new Error('late')), 20_000);
    // In pieces, as a network may bring it.
    for (let at = 0; at < sent.length;) {
      const size = random.chance(0.5) ? sent.length : 1 + random.below(200);
      socket.write(sent.subarray(at, at + size));
      at += size;
      if (random.chance(0.1)) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    await closed;
    clearTimeout(timer);
    if (socket.errored?.message === 'late') return 'the server does not hang up';
    const bug = this.#log.splice(0).find((line) => /TypeError|RangeError|Reference/u.test(line));
    return bug ?? judgeReplies(sent, Buffer.concat(chunks), { isDamaged });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
  }
}
