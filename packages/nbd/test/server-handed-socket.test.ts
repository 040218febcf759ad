import { closeSync, existsSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MemoryDevice } from '@tidemark/block';
import { afterEach, expect, it } from 'vitest';
import { type SocketPlace, startWithSocket } from '../../../tools/hand-socket.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { connectNbd, startNbdServer } from '../src/index.ts';

const script = fileURLToPath(new URL('support/serve-handed.ts', import.meta.url));
const dir = tempDir();
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** What the program prints first. */
async function serve(place: SocketPlace, ...words: readonly string[]) {
  const command = [process.execPath, '--conditions=@tidemark/source', script, ...words];
  const { child, port } = await startWithSocket(place, command);
  const gone = once(child, 'exit');
  const end = () => {
    child.kill();
    return gone;
  };
  ends.push(end);
  const [line] = await once(createInterface({ input: child.stdout! }), 'line');
  return { line: String(line), port, gone, end };
}

it('serves on a TCP socket that it was handed', async () => {
  const { line, port } = await serve({ host: '127.0.0.1' });
  expect(JSON.parse(line)).toEqual({ type: 'inet', host: '127.0.0.1', port });
  await using device = await connectNbd(`nbd://127.0.0.1:${port}`);
  expect(device.size).toBe(4096);
});

it('serves on a unix socket that it was handed, and leaves its file', async () => {
  const path = join(dir, 'socket');
  const { line, end } = await serve({ path });
  expect(JSON.parse(line)).toEqual({ type: 'unix', path: '' });
  await using device = await connectNbd(`nbd+unix:///?socket=${path}.handed`);
  expect(device.size).toBe(4096);
  await end();
  expect(existsSync(`${path}.handed`)).toBe(true);
});

it('serves others on a socket that they can reach only if it may', async () => {
  const refused = await serve({ host: '0.0.0.0' });
  expect(refused.line).toBe("'0.0.0.0' is not an address of this machine alone");
  // Nothing listens on, or it would go on.
  expect(await refused.gone).toEqual([0, null]);
  const { line } = await serve({ host: '0.0.0.0' }, 'exposed');
  expect(JSON.parse(line)).toMatchObject({ type: 'inet', host: '0.0.0.0' });
});

it('refuses numbers that are no socket', async () => {
  const descriptor = openSync(script, 'r');
  const start = () =>
    startNbdServer({
      address: { type: 'descriptor', descriptor },
      exports: [{ name: '', device: new MemoryDevice({ size: 4096 }) }],
    });
  await expect(start()).rejects.toMatchObject({
    code: 'USAGE',
    message: `descriptor ${descriptor} is no socket`,
  });
  closeSync(descriptor);
  await expect(start()).rejects.toMatchObject({
    code: 'USAGE',
    message: `descriptor ${descriptor} is not open`,
  });
});
