import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { run } from '../../../../tools/qemu.ts';

/** A run of an NBD metadata context, as `nbdinfo --map` has it. */
interface MapEntry {
  readonly offset: number;
  readonly length: number;
  readonly type: number;
}

/** What nbdinfo reads of a context of an export, neighbours of one type merged. */
async function mapOf(uri: string, context: string): Promise<readonly MapEntry[]> {
  const text = await run('nbdinfo', '--json', `--map=${context}`, uri);
  const merged: MapEntry[] = [];
  for (const { offset, length, type } of JSON.parse(text) as MapEntry[]) {
    const last = merged.at(-1);
    if (last?.type === type) merged[merged.length - 1] = { ...last, length: last.length + length };
    else merged.push({ offset, length, type });
  }
  return merged;
}

/** The dirty runs of a bitmap on an export: [offset, length] each. */
export async function dirtyOf(
  uri: string,
  bitmap: string,
): Promise<readonly (readonly number[])[]> {
  const map = await mapOf(uri, `qemu:dirty-bitmap:${bitmap}`);
  return map.filter(({ type }) => type === 1).map(({ offset, length }) => [offset, length]);
}

let servers = 0;

/** The dirty runs of a bitmap at rest, read by qemu-nbd. */
export async function dirtyByQemu(
  image: string,
  bitmap: string,
): Promise<readonly (readonly number[])[]> {
  const socket = `${image}.qemu-nbd-${servers++}.sock`;
  const pidFile = `${socket}.pid`;
  const place = ['-k', socket, `--pid-file=${pidFile}`];
  const server = spawn('qemu-nbd', ['-r', '-f', 'qcow2', '-t', ...place, '-B', bitmap, image], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    // It is written when it listens; the socket is there before that.
    await appearance(server, pidFile);
    return await dirtyOf(`nbd+unix:///?socket=${socket}`, bitmap);
  } finally {
    await ended(server);
  }
}

/** Flags of each bitmap of an image, as qemu-img reads them. */
export async function bitmapFlags(
  image: string,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const info = JSON.parse(await run('qemu-img', 'info', '--output=json', image)) as {
    'format-specific': { data: { bitmaps?: { name: string; flags: string[] }[] } };
  };
  const { bitmaps = [] } = info['format-specific'].data;
  return Object.fromEntries(bitmaps.map(({ name, flags }) => [name, flags]));
}

/** Runs qemu-io commands on an export or a file. */
export async function qemuIo(
  target: string,
  format: string,
  ...commands: readonly string[]
): Promise<void> {
  const output = await run('qemu-io', '-f', format, ...commands.flatMap((c) => ['-c', c]), target);
  // qemu-io exits with 0 when a pattern does not match.
  if (/failed|error/i.test(output)) throw new Error(`qemu-io ${commands.join('; ')}:\n${output}`);
}

async function appearance(server: ChildProcess, path: string): Promise<void> {
  while (!existsSync(path)) {
    if (server.exitCode !== null) throw new Error(`qemu-nbd ended with ${server.exitCode}`);
    await setTimeout(10);
  }
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exit = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await exit;
}
