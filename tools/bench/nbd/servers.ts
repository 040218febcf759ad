import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { TIDEMARKD } from '../../programs.ts';

/** A server of one drive that clients can reach. */
export interface BenchServer {
  readonly pid: number;
  readonly uri: string;
  /** Milliseconds from its start until a client had the export. */
  readonly readyAfter: number;
  stop(): Promise<void>;
}

export interface Drive {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

let count = 0;

async function start(
  dir: string,
  name: string,
  commandOf: (socket: string) => readonly string[],
): Promise<BenchServer> {
  const socket = `${dir}/${count++}.sock`;
  const uri = `nbd+unix:///${name}?socket=${socket}`;
  const [program = '', ...words] = commandOf(socket);
  const began = performance.now();
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const readyAfter = await reached(uri, child, began, () => stderr);
  return {
    pid: child.pid!,
    uri,
    readyAfter,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function reached(
  uri: string,
  child: ChildProcess,
  began: number,
  stderr: () => string,
): Promise<number> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended: ${stderr()}`);
    try {
      const client = await connectNbd(uri);
      const after = performance.now() - began;
      await client.close();
      return after;
    } catch {
      await setTimeout(2);
    }
  }
}

/** `bitmaps` live ones of 64 KiB; what is there already is taken. */
export function tidemarkd(
  dir: string,
  { path, format }: Drive,
  { bitmaps, create = true }: { readonly bitmaps: number; readonly create?: boolean },
): Promise<BenchServer> {
  const names = Array.from({ length: create ? bitmaps : 0 }, (_, index) => `b${index}`);
  return start(dir, 'x', (socket) => [
    process.execPath,
    TIDEMARKD,
    ...['-drive', `file=${path},format=${format},id=x`],
    ...names.flatMap((name) => ['-dirty-bitmap', `name=${name},drive=x,create=on`]),
    ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
  ]);
}

export function qemuNbd(
  dir: string,
  { path, format }: Drive,
  ...more: readonly string[]
): Promise<BenchServer> {
  const how = ['-t', '-e', '0', '-f', format, ...more];
  return start(dir, '', (socket) => ['qemu-nbd', ...how, '-k', socket, path]);
}

/** Its bitmaps are those of the image. */
export function storageDaemon(dir: string, { path, format }: Drive): Promise<BenchServer> {
  const file = `driver=file,node-name=f,filename=${path}`;
  return start(dir, 'x', (socket) => [
    'qemu-storage-daemon',
    ...['--blockdev', file, '--blockdev', `driver=${format},node-name=d,file=f`],
    ...['--nbd-server', `addr.type=unix,addr.path=${socket},max-connections=0`],
    ...['--export', 'type=nbd,id=e,node-name=d,name=x,writable=on'],
  ]);
}
