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
