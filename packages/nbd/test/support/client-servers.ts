import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, watch } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { startNbdServer } from '@tidemark/nbd';
import { run, type Tool } from '../../../../tools/qemu.ts';

/** A server that a test connects to. */
export interface TestServer extends AsyncDisposable {
  readonly uri: string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface ServedDisk {
  readonly size: number;
  readonly readOnly?: boolean;
}

/** A kind of server, each with a new disk of zeros in a folder of its own below `folder`. */
export interface ServerKind {
  readonly name: string;
  readonly tools: readonly Tool[];
  start(folder: string, disk: ServedDisk): Promise<TestServer>;
}

export function startNbdkit(folder: string, ...args: readonly string[]): Promise<TestServer> {
  return start(folder, '', ({ socket, pidFile }) => {
    const options = ['--foreground', '--exit-with-parent', '-U', socket, '-P', pidFile];
    return ['nbdkit', ...options, ...args];
  });
}

/** qemu-nbd with one export without a name, for any number of clients in turn. */
export function startQemuNbd(folder: string, ...args: readonly string[]): Promise<TestServer> {
  return start(folder, '', ({ socket, pidFile }) => {
    const options = ['--persistent', `--socket=${socket}`, `--pid-file=${pidFile}`];
    return ['qemu-nbd', ...options, ...args];
  });
}

/** qemu-storage-daemon; `args` have the nodes and the exports, of which `exportName` is one. */
export function startStorageDaemon(
  folder: string,
  exportName: string,
  ...args: readonly string[]
): Promise<TestServer> {
  return start(folder, exportName, ({ socket, pidFile }) => {
    const server = `addr.type=unix,addr.path=${socket}`;
    return ['qemu-storage-daemon', '--pidfile', pidFile, '--nbd-server', server, ...args];
  });
}

interface Places {
  readonly folder: string;
  readonly socket: string;
  /** Written by all of these servers once they listen. */
  readonly pidFile: string;
}

function places(parent: string): Places {
  const folder = mkdtempSync(join(parent, 'server-'));
  return { folder, socket: join(folder, 's'), pidFile: join(folder, 'pid') };
}

async function start(
  folder: string,
  exportName: string,
  command: (places: Places) => readonly string[],
): Promise<TestServer> {
  const own = places(folder);
  const [program = '', ...args] = command(own);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  const ended = once(child, 'exit');
  await Promise.race([appears(own.pidFile, own.folder), ended]);
  if (child.exitCode !== null) throw new Error(`${program} ${args.join(' ')}:\n${stderr}`);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  const uri = `nbd+unix:///${exportName}?socket=${own.socket}`;
  return { uri, stop, [Symbol.asyncDispose]: () => stop() };
}

async function appears(path: string, folder: string): Promise<void> {
  // It has to watch before it looks, or it could miss the one event.
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (existsSync(path)) resolve();
  };
  const watcher = watch(folder, look);
  look();
  await promise;
  watcher.close();
}

/** A new raw file of zeros. */
export async function rawDisk(folder: string, size: number): Promise<string> {
  const path = join(mkdtempSync(join(folder, 'disk-')), 'disk.raw');
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

/** A new qcow2 image of zeros. */
export async function qcow2Disk(folder: string, size: number): Promise<string> {
  const path = join(mkdtempSync(join(folder, 'disk-')), 'disk.qcow2');
  await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, String(size));
  return path;
}

/** A disk in memory behind filters. */
function nbdkit(
  name: string,
  options: readonly string[] = [],
  parameters: readonly string[] = [],
): ServerKind {
  return {
    name,
    tools: ['nbdkit'],
    start: async (folder, { size, readOnly = false }) => {
      const access = readOnly ? ['--readonly'] : [];
      return startNbdkit(folder, ...access, ...options, 'memory', String(size), ...parameters);
    },
  };
}

function qemuNbd(
  name: string,
  format: string,
  create: (folder: string, size: number) => Promise<string>,
): ServerKind {
  return {
    name,
    tools: ['qemu-nbd', 'qemu-img'],
    start: async (folder, { size, readOnly = false }) => {
      const path = await create(folder, size);
      const options = [`--format=${format}`, '--discard=unmap', ...(readOnly ? ['-r'] : [])];
      return startQemuNbd(folder, ...options, path);
    },
  };
}

const storageDaemon: ServerKind = {
  name: 'qemu-storage-daemon of a qcow2 image',
  tools: ['qemu-storage-daemon', 'qemu-img'],
  start: async (folder, { size, readOnly = false }) => {
    const path = await qcow2Disk(folder, size);
    const node = `driver=qcow2,node-name=n,discard=unmap,file.driver=file,file.filename=${path}`;
    const writable = readOnly ? 'off' : 'on';
    const exported = `type=nbd,id=e,node-name=n,name=a disk,writable=${writable}`;
    return startStorageDaemon(folder, 'a%20disk', '--blockdev', node, '--export', exported);
  },
};

/** Servers of reference tools, by what they can do. Sizes are multiples of 512. */
export const referenceKinds: readonly ServerKind[] = [
  nbdkit('nbdkit'),
  nbdkit('nbdkit without structured replies', ['--no-sr']),
  nbdkit('nbdkit that negotiates nothing', ['--mask-handshake=0']),
  nbdkit('nbdkit that cannot make zeros', ['--filter=nozero']),
  nbdkit(
    'nbdkit with requests of at most 64 KiB',
    ['--filter=blocksize-policy'],
    ['blocksize-error-policy=error', 'blocksize-maximum=65536'],
  ),
  qemuNbd('qemu-nbd of a raw file', 'raw', rawDisk),
  qemuNbd('qemu-nbd of a qcow2 image', 'qcow2', qcow2Disk),
  storageDaemon,
];

/** Our own server, which needs no tools. */
export const ownKind: ServerKind = {
  name: 'our own server',
  tools: [],
  start: async (folder, { size, readOnly = false }) => {
    const { socket } = places(folder);
    const server = await startNbdServer({
      address: { type: 'unix', path: socket },
      exports: [{ name: 'ö', device: new MemoryDevice({ size, writable: !readOnly }) }],
    });
    const stop = () => server.close();
    return { uri: `nbd+unix:///%C3%B6?socket=${socket}`, stop, [Symbol.asyncDispose]: stop };
  },
};
