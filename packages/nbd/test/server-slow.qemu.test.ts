import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { connectNbd } from '../src/index.ts';
import { ask } from './support/ask.ts';
import { startNbdkit } from './support/client-servers.ts';
import { useServers } from './support/serve.ts';
import { COMMAND, request } from './support/wire.ts';

const MIB = 2 ** 20;
const { READ, WRITE } = COMMAND;
const REQUESTS = 1000;

describeWithQemu('a server of a slow disk and a quick one', ['nbdkit'], () => {
  const serve = useServers();

  it('answers the clients of the quick one while those of the slow one wait', async () => {
    const delay = ['--filter=delay', 'memory', String(8 * MIB), 'rdelay=30', 'wdelay=30'];
    await using behind = await startNbdkit(tempDir(), ...delay);
    await using slow = await connectNbd(behind.uri, { timeout: 1000 });
    const quick = new MemoryDevice({ size: MIB });
    const { enter } = await serve({ name: 'slow', device: slow }, { device: quick });
    const waiting = await enter({ name: 'slow' });
    const greedy = await enter();
    const client = await enter();
    for (let cookie = 0; cookie < 100; cookie++) {
      waiting.send(request({ type: READ, cookie, length: 4096 }));
      waiting.send(request({ type: WRITE, cookie, payload: Buffer.alloc(4096) }));
    }
    // It asks for much and takes nothing.
    greedy.socket.pause();
    for (let cookie = 0; cookie < 100; cookie++) {
      greedy.send(request({ type: READ, cookie, length: MIB }));
    }
    for (let count = 0; count < REQUESTS; count++) {
      const offset = (count % 256) * 4096;
      const payload = Buffer.alloc(4096, count);
      expect(await ask(client, { type: WRITE, offset, payload })).toMatchObject({ errno: 0 });
    }
    expect(waiting.socket.bytesRead).toBeLessThan(1000);
    expect(greedy.socket.bytesRead).toBeLessThan(100 * MIB);
    // Those that wait for it fail.
    await behind.stop('SIGKILL');
  });
});
