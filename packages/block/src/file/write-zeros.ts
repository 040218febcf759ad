import { TidemarkError } from '@tidemark/core';
import type { FileIo } from './file-io.ts';

const ZEROS = new Uint8Array(256 * 1024);

/** Zeros as data, a piece at a time. */
export async function writeZeros(io: FileIo, offset: number, length: number): Promise<void> {
  for (let done = 0; done < length;) {
    const part = Math.min(length - done, ZEROS.length);
    await io.write(ZEROS.subarray(0, part), offset + done);
    done += part;
  }
}

// The blocks of nearly all file systems and disks.
const BLOCK = 4096;

export function isWholeBlocks(offset: number, length: number): boolean {
  return offset % BLOCK === 0 && length % BLOCK === 0;
}

/** Zeros were wanted only if they need not be written. */
export function notFast(where: string): TidemarkError {
  return new TidemarkError('DEVICE_UNSUPPORTED', `${where} would have to write these zeros`, {
    where,
    hint: 'write them without asking for speed',
  });
}
