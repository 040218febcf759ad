import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { startDaemon } from '../programs.ts';
import type { DemoDrive } from './drives.ts';

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
  const socket = join(folder, 'nbd.sock');
  const daemon = await startDaemon(
    ...drives.flatMap(({ id, path, format }) => [
      '-drive',
      `file=${path},format=${format},id=${id}`,
      '-dirty-bitmap',
      `name=nightly,drive=${id}`,
    ]),
    '--nbd-server',
    `addr.type=unix,addr.path=${socket}`,
  );
  for (const { id } of drives) await writeTo(`nbd+unix:///${id}?socket=${socket}`, options);
  const { code, stderr } = await daemon.stop();
  if (code !== 0) throw new Error(`tidemarkd ended with ${code}:\n${stderr}`);
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

// A linear congruential generator: the story is the same at every telling.
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
