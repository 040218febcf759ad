import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type NbdServer, startNbdServer } from '../src/index.ts';
import { type Conversation, requests } from './support/conversations.ts';
import { NEGOTIATIONS } from './support/negotiation-cases.ts';
import { CHANGES, TRANSMISSIONS, WRONG_REQUESTS } from './support/transmission-cases.ts';

const MIB = 2 ** 20;

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

  async function expectSame(conversation: Conversation, kind: 'ro' | 'rw') {
    const ours = await conversation(join(dir, `ours-${kind}`));
    expect(ours).toEqual(await conversation(join(dir, `qemu-${kind}`)));
    expect(ours.length).toBeGreaterThan(0);
  }

  it.for(Object.entries(NEGOTIATIONS))('%s, as QEMU does', async ([, conversation]) => {
    await expectSame(conversation, 'ro');
  });

  it.for(Object.entries(TRANSMISSIONS))('%s, as QEMU does', async ([, conversation]) => {
    await expectSame(conversation, 'ro');
  });

  it.for([true, false])('answers changes as QEMU does (structured: %s)', async (isStructured) => {
    await expectSame(requests(isStructured, ...CHANGES, ...WRONG_REQUESTS), 'rw');
  });
});
