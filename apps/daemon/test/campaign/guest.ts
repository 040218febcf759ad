import { isTidemarkError } from '@tidemark/core';
import { connectNbd } from '@tidemark/nbd';
import { SECTOR, type Shadow } from './shadow.ts';

const WRITERS = 4;
/** Sectors. */
const LENGTHS = [1, 1, 3, 8, 8, 17, 64, 128, 256];

const random = (below: number) => Math.floor(Math.random() * below);

/** Numbers that no write had before. */
let lastStamp = 0;

/**
 * Writes, zeroes and trims all over a drive, and flushes, until it is told to stop or the server is
 * gone: for longer than `reconnect` milliseconds, where it may come back, or for good (`gone`).
 * @returns how often
 */
export async function writeAllOver(
  uri: string,
  shadow: Shadow,
  signal: AbortSignal,
  { reconnect = 0, gone }: { readonly reconnect?: number; readonly gone?: AbortSignal } = {},
): Promise<number> {
  const disk = await connectNbd(uri, { reconnect }).catch((error: unknown) => {
    if (isTidemarkError(error, 'CONNECTION_LOST')) return undefined;
    throw error;
  });
  // Killed so soon.
  if (disk === undefined) return 0;
  gone?.addEventListener('abort', () => void disk.close().catch(() => {}));
  let done = 0;
  const step = async () => {
    const kind = random(100);
    if (kind < 6) return shadow.flushing(() => disk.flush());
    const count = LENGTHS[random(LENGTHS.length)]!;
    const first = random(shadow.sectors - count);
    if (!shadow.isFree(first, count)) return;
    const at = first * SECTOR;
    const length = count * SECTOR;
    if (kind < 16) {
      const write = { first, count, stamp: 0, isHint: false };
      await shadow.during(write, () => disk.writeZeroes(at, length, { unmap: kind < 11 }));
    } else if (kind < 22) {
      const write = { first, count, stamp: 0, isHint: true };
      await shadow.during(write, () => disk.discard(at, length));
    } else {
      const stamp = ++lastStamp;
      const write = { first, count, stamp, isHint: false };
      await shadow.during(write, () => disk.write(filled(count, stamp), at));
    }
    done += 1;
  };
  const writer = async () => {
    while (!signal.aborted) await step();
  };
  await Promise.all(Array.from({ length: WRITERS }, () => writer().catch(() => {})));
  await disk.close().catch(() => {});
  return done;
}

function filled(count: number, stamp: number): Uint8Array {
  const bytes = new Uint8Array(count * SECTOR);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += SECTOR) view.setUint32(at, stamp);
  return bytes;
}

/** The numbers that sectors hold. */
export function stampsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / SECTOR }, (_, i) => view.getUint32(i * SECTOR));
}
