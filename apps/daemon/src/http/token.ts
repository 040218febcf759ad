import { open } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { printable } from '@tidemark/program';

const LEAST = 16;
const MOST = 1024;
/** Read by everybody, or changed by anybody but its owner. */
const UNSAFE = 0o026;

/**
 * The token that a file holds, blanks around it left out. No message has a word of it.
 * @throws PERMISSION_DENIED: others may read it; USAGE: it is no token; I/O codes
 */
export async function readToken(path: string): Promise<string> {
  const { text, mode } = await read(path);
  if ((mode & UNSAFE) !== 0) {
    const digits = (mode & 0o777).toString(8).padStart(4, '0');
    throw new TidemarkError(
      'PERMISSION_DENIED',
      `'${printable(path)}' is mode ${digits}, and holds a secret: make it 0640 or less`,
      { where: path },
    );
  }
  const token = text.trim();
  if (token.length >= LEAST && token.length <= MOST && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new TidemarkError(
    'USAGE',
    `'${printable(path)}' does not hold a token: ${LEAST} to ${MOST} letters, digits and signs without blanks`,
    { where: path, hint: `openssl rand -hex 32 > ${path} makes one` },
  );
}

async function read(path: string): Promise<{ readonly text: string; readonly mode: number }> {
  try {
    await using file = await open(path);
    const { mode } = await file.stat();
    const bytes = Buffer.alloc(2 * MOST);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return { text: bytes.toString('latin1', 0, bytesRead), mode };
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
