import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { type Daemon, startDaemon } from '../programs.ts';
import { type Burst, startBurst } from './burst.ts';
import type { DemoDrive } from './drives.ts';
import { generator } from './generator.ts';

export interface WriteOptions {
  /** The same seed writes the same bytes to the same places. */
  readonly seed: number;
  /** Much, as when a system is installed; else a little here and there. */
  readonly first: boolean;
}

/** Starts the daemon on both drives, writes to each as a guest would, and ends the daemon. */
export async function serveAndWrite(
  drives: readonly DemoDrive[],
  folder: string,
  options: WriteOptions,
): Promise<void> {
  const daemon = await serve(drives, folder);
  for (const drive of drives) await writeTo(uriOf(drive, folder), options);
  const { code, stderr } = await daemon.stop();
  if (code !== 0) throw new Error(`tidemarkd ended with ${code}:\n${stderr}`);
}

/**
 * Starts the daemon on both drives, writes to both at once, and kills the daemon in the middle. Tells
 * how many writes each drive had answered by then.
 */
export async function serveAndKill(
  drives: readonly DemoDrive[],
  folder: string,
): Promise<readonly number[]> {
  const daemon = await serve(drives, folder);
  const bursts: Burst[] = [];
  for (const [index, drive] of drives.entries()) {
    bursts.push(await startBurst(uriOf(drive, folder), { seed: 3 + index }));
  }
  await Promise.all(bursts.map(({ halfway }) => halfway));
  await daemon.stop('SIGKILL');
  return Promise.all(bursts.map(({ answered }) => answered));
}

async function serve(drives: readonly DemoDrive[], folder: string): Promise<Daemon> {
  return startDaemon(
    ...drives.flatMap(({ id, path, format }) => [
      '-drive',
      `file=${path},format=${format},id=${id},durability=live`,
      '-dirty-bitmap',
      `name=nightly,drive=${id}`,
    ]),
    '--nbd-server',
    `addr.type=unix,addr.path=${join(folder, 'nbd.sock')}`,
  );
}

function uriOf({ id }: DemoDrive, folder: string): string {
  return `nbd+unix:///${id}?socket=${join(folder, 'nbd.sock')}`;
}

async function writeTo(uri: string, { seed, first }: WriteOptions): Promise<void> {
  await using disk = await connectNbd(uri);
  const random = generator(seed);
  const [count, size] = first ? [48, 1024 * 1024] : [48, 64 * 1024];
  for (let i = 0; i < count; i++) {
    // An installation fills the beginning; later writes fall anywhere in it.
    const place = first ? i * 8 : random() * 400 * 1024 * 1024;
    const offset = first ? place * 1024 * 1024 : Math.floor(place / 4096) * 4096;
    const data = new Uint8Array(size);
    for (let at = 0; at < size; at += 4) data[at] = random() * 256;
    await disk.write(data, offset);
  }
  await disk.flush();
}
