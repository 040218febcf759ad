import { open } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { printable } from '@tidemark/program';

/** Read by everybody, or changed by anybody but its owner. */
const UNSAFE = 0o026;

/**
 * The first `most` bytes of a file that holds a secret. No message has a word of them.
 * @throws PERMISSION_DENIED: others may read it; I/O codes
 */
export async function readSecretFile(path: string, most: number): Promise<Buffer> {
  const { bytes, mode } = await read(path, most);
  if ((mode & UNSAFE) === 0) return bytes;
  const digits = (mode & 0o777).toString(8).padStart(4, '0');
  throw new TidemarkError(
    'PERMISSION_DENIED',
    `'${printable(path)}' is mode ${digits}, and holds a secret: make it 0640 or less`,
    { where: path },
  );
}

async function read(path: string, most: number) {
  try {
    await using file = await open(path);
    const { mode } = await file.stat();
    const bytes = Buffer.alloc(most);
    let length = 0;
    for (let isEnd = false; length < most && !isEnd;) {
      const { bytesRead } = await file.read(bytes, length, most - length);
      length += bytesRead;
      isEnd = bytesRead === 0;
    }
    return { bytes: bytes.subarray(0, length), mode };
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
