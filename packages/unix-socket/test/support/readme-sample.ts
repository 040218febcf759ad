import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenOnSocket } from '@tidemark/unix-socket';

const path = join(await mkdtemp(join(tmpdir(), 'hello-')), 'hello.sock');
const server = createServer((socket) => socket.end('hello'));
await listenOnSocket(server, path);
console.log(`listens on ${server.address() === path ? 'its path' : 'something else'}`);
server.close();
