import { TidemarkError } from '@tidemark/core';
import { printable } from '@tidemark/program';
import { readSecretFile } from '../secret-file.ts';

const LEAST = 16;
const MOST = 1024;

/**
 * The token that a file holds, blanks around it left out. No message has a word of it.
 * @throws PERMISSION_DENIED: others may read it; USAGE: it is no token; I/O codes
 */
export async function readToken(path: string): Promise<string> {
  const token = (await readSecretFile(path, 2 * MOST)).toString('latin1').trim();
  if (token.length >= LEAST && token.length <= MOST && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new TidemarkError(
    'USAGE',
    `'${printable(path)}' does not hold a token: ${LEAST} to ${MOST} letters, digits and signs without blanks`,
    { where: path, hint: `openssl rand -hex 32 > ${path} makes one` },
  );
}
