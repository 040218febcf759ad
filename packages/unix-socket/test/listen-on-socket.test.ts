import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { listenOnSocket } from '../src/index.ts';

const dir = tempDir();
const servers: Server[] = [];
let count = 0;
const freshPath = () => join(dir, `path-${count++}`);

async function listen(path: string): Promise<void> {
  const server = createServer((socket) => {
    // Who only asks whether somebody listens hangs up at once.
    socket.on('error', () => {});
    socket.end('hello');
  });
  await listenOnSocket(server, path);
  servers.push(server);
}

async function greetingAt(path: string): Promise<string> {
  let text = '';
  for await (const chunk of connect(path)) text += String(chunk);
  return text;
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('listenOnSocket', () => {
  it('takes the place of a server that was killed', async () => {
    const path = freshPath();
    const program = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', program, path]), 'exit');
    expect(existsSync(path)).toBe(true);
    await listen(path);
    expect(await greetingAt(path)).toBe('hello');
  });

  it('leaves a socket to the one that listens on it', async () => {
    const path = freshPath();
    await listen(path);
    await expect(listen(path)).rejects.toMatchObject({ code: 'LOCKED' });
    expect(await greetingAt(path)).toBe('hello');
  });

  it('leaves a file as it is', async () => {
    const path = freshPath();
    writeFileSync(path, 'mine');
    await expect(listen(path)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('names a folder that is not there', async () => {
    const path = join(freshPath(), 'socket');
    await expect(listen(path)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.each(['', 'x'.repeat(108), 'a\0b'])('does not take %j for a path', async (path) => {
    await expect(listen(path)).rejects.toMatchObject({ code: 'USAGE' });
  });
});
