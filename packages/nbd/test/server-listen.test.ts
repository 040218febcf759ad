import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { type NbdAddress, type NbdExport, type NbdServer, startNbdServer } from '../src/index.ts';
import { ask } from './support/ask.ts';
import { RawClient } from './support/raw-client.ts';
import { COMMAND } from './support/wire.ts';

const dir = tempDir();
const servers: NbdServer[] = [];
let count = 0;
const freshPath = () => join(dir, `path-${count++}`);

async function start(address: NbdAddress, exports?: readonly NbdExport[]): Promise<NbdServer> {
  const device = new MemoryDevice({ size: 4096 });
  const server = await startNbdServer({ address, exports: exports ?? [{ name: 'exp', device }] });
  servers.push(server);
  return server;
}

async function expectServes(address: NbdAddress): Promise<void> {
  const client = await RawClient.enter(address);
  const reply = await ask(client, { type: COMMAND.READ, length: 4096 });
  expect(Buffer.from(reply.data)).toEqual(Buffer.alloc(4096));
  client.close();
}

/** A socket file as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const program = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  const [, signal] = await once(spawn(process.execPath, ['-e', program, path]), 'exit');
  expect(signal).toBe('SIGKILL');
  expect(existsSync(path)).toBe(true);
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe('a server on the network', () => {
  it.for(['127.0.0.1', 'localhost'])('listens on %s and tells the port', async (host) => {
    const { address } = await start({ type: 'inet', host, port: 0 });
    expect(address).toMatchObject({ type: 'inet', host });
    expect(address).not.toMatchObject({ port: 0 });
    await expectServes(address);
  });

  it.for(['0.0.0.0', '::', '192.0.2.1', '', 'nowhere.invalid'])(
    'does not listen on %j, which others may reach',
    async (host) => {
      await expect(start({ type: 'inet', host, port: 0 })).rejects.toMatchObject({ code: 'USAGE' });
    },
  );

  it.for([-1, 65_536, 1.5, Number.NaN])('does not take %d for a port', async (port) => {
    const address: NbdAddress = { type: 'inet', host: '127.0.0.1', port };
    await expect(start(address)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('leaves a port to the one that has it', async () => {
    const { address } = await start({ type: 'inet', host: '127.0.0.1', port: 0 });
    await expect(start(address)).rejects.toMatchObject({ code: 'LOCKED' });
    await expectServes(address);
  });
});

describe('a server on a unix socket', () => {
  it('takes the place of one that was killed', async () => {
    const path = freshPath();
    await leaveStaleSocket(path);
    const { address } = await start({ type: 'unix', path });
    expect(address).toEqual({ type: 'unix', path });
    await expectServes(address);
  });

  it('leaves a path to the one that listens there', async () => {
    const address: NbdAddress = { type: 'unix', path: freshPath() };
    await start(address);
    await expect(start(address)).rejects.toMatchObject({ code: 'LOCKED' });
    await expectServes(address);
  });

  it('leaves files, folders and links alone', async () => {
    const file = freshPath();
    writeFileSync(file, 'mine');
    const folder = freshPath();
    mkdirSync(folder);
    const link = freshPath();
    symlinkSync(file, link);
    for (const path of [file, folder, link]) {
      await expect(start({ type: 'unix', path })).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    }
    expect(readFileSync(link, 'utf8')).toBe('mine');
  });

  it.for(['', `/tmp/${'x'.repeat(200)}`, '/tmp/a\0b'])('refuses the path %j', async (path) => {
    await expect(start({ type: 'unix', path })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('says that the folder is missing', async () => {
    const path = join(freshPath(), 'socket');
    await expect(start({ type: 'unix', path })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('exports', () => {
  const device = new MemoryDevice({ size: 4096 });

  it('have names of their own', async () => {
    const exports = [
      { name: 'a', device },
      { name: 'b', device },
      { name: 'a', device },
    ];
    await expect(start({ type: 'unix', path: freshPath() }, exports)).rejects.toMatchObject({
      code: 'USAGE',
    });
  });

  it('have texts that the protocol can carry', async () => {
    const fits = 'é'.repeat(2048);
    await start({ type: 'unix', path: freshPath() }, [{ name: fits, description: fits, device }]);
    for (const exported of [
      { name: `${fits}e`, device },
      { name: 'a', description: `${fits}e`, device },
    ]) {
      const starting = start({ type: 'unix', path: freshPath() }, [exported]);
      await expect(starting).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  it('are found by their exact name, the empty one too', async () => {
    const exports = [
      { name: '', device: new MemoryDevice({ size: 512 }) },
      { name: 'exp', device: new MemoryDevice({ size: 1000 }) },
    ];
    const { address } = await start({ type: 'unix', path: freshPath() }, exports);
    for (const { name, device: served } of exports) {
      const client = await RawClient.enter(address, { name });
      const beyond = await ask(client, { type: COMMAND.READ, length: served.size + 1 });
      expect(beyond.text).toContain(`Size: ${served.size}`);
      client.close();
    }
    await expect(RawClient.enter(address, { name: 'EXP' })).rejects.toThrow('does not let us');
  });
});
