import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { type Daemon, startDaemon, tidemark } from '../../../../tools/programs.ts';

/** Runs the daemon on a unix socket for the time of `work`, and ends it with SIGTERM. */
export async function serving<T>(
  dir: string,
  args: readonly string[],
  work: (uriOf: (id: string) => string, daemon: Daemon) => Promise<T>,
): Promise<{ result: T; stderr: string }> {
  const socket = join(dir, 'nbd.sock');
  const daemon = await startDaemon(...args, '--nbd-server', `addr.type=unix,addr.path=${socket}`);
  let result: T;
  try {
    result = await work((id) => `nbd+unix:///${id}?socket=${socket}`, daemon);
  } catch (error) {
    await daemon.stop('SIGKILL');
    throw error;
  }
  const { code, stderr } = await daemon.stop();
  if (code !== 0) throw new Error(`tidemarkd ended with ${code}:\n${stderr}`);
  return { result, stderr };
}

/** What the daemon says when it does not start. */
export async function refusal(...args: readonly string[]): Promise<string> {
  let daemon: Daemon;
  try {
    daemon = await startDaemon(...args);
  } catch (error) {
    return String(error);
  }
  await daemon.stop('SIGKILL');
  throw new Error(`tidemarkd started with ${args.join(' ')}`);
}

/** Writes `length` bytes of `byte` to an export, as a guest does. */
export async function guestWrite(
  uri: string,
  offset: number,
  length: number,
  byte = 0x5a,
): Promise<void> {
  await using disk = await connectNbd(uri);
  await disk.write(new Uint8Array(length).fill(byte), offset);
  await disk.flush();
}

/** The bitmaps of a drive by name, as `tidemark bitmap list --json` has them. */
export async function bitmapsOf(
  drive: string,
  ...flags: readonly string[]
): Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
  const { code, stdout, stderr } = await tidemark('bitmap', 'list', drive, '--json', ...flags);
  if (code !== 0) throw new Error(stderr);
  const bitmaps = JSON.parse(stdout) as { name: string }[];
  return Object.fromEntries(bitmaps.map((bitmap) => [bitmap.name, bitmap]));
}

/** The dirty ranges of a bitmap at rest: [offset, length] each. */
export async function dirtyRanges(
  drive: string,
  name: string,
  ...flags: readonly string[]
): Promise<readonly (readonly number[])[]> {
  const { code, stdout, stderr } = await tidemark(
    'bitmap',
    'dump',
    drive,
    name,
    '--json',
    ...flags,
  );
  if (code !== 0) throw new Error(stderr);
  const ranges = JSON.parse(stdout) as { offset: number; length: number }[];
  return ranges.map(({ offset, length }) => [offset, length]);
}

/** Name and digest of each file of a folder: equal before and after where nothing was changed. */
export function digestsOf(dir: string): Readonly<Record<string, string>> {
  const files = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ name }) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dir, name)))
        .digest('hex'),
    ]),
  );
}
