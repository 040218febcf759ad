import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { printable } from '@tidemark/program';
import { nameOf } from './describe-issue.ts';
import type { Config } from './schema.ts';
import type { ConfigDocument } from './document.ts';

const SECRETS = { x509: 'server-key.pem', psk: 'keys.psk' } as const;
/** Read by everybody, or changed by anybody but its owner. */
const UNSAFE = 0o026;

/** Keys of TLS that others could read or exchange, or that are not there. */
export async function checkSecrets(
  { nbd, imageio }: Config,
  document: ConfigDocument,
): Promise<readonly string[]> {
  const folders = [
    nbd?.tls && { dir: nbd.tls.dir, type: nbd.tls.type, of: 'nbd' },
    imageio?.tls && { dir: imageio.tls.dir, type: 'x509' as const, of: 'imageio' },
  ].filter((folder) => folder !== undefined);
  const problems = folders.map(({ dir, type, of }) =>
    problemOf(dir, SECRETS[type], [of, 'tls', 'dir'], document),
  );
  return (await Promise.all(problems)).filter((problem) => problem !== undefined);
}

async function problemOf(
  dir: string,
  name: string,
  keys: readonly string[],
  document: ConfigDocument,
): Promise<string | undefined> {
  const file = join(dir, name);
  const at = `${document.place(keys)}: ${nameOf(keys)}: `;
  try {
    const { mode } = await stat(file);
    if ((mode & UNSAFE) === 0) return undefined;
    const digits = (mode & 0o777).toString(8).padStart(4, '0');
    return `${at}'${printable(file)}' is mode ${digits}, and holds a secret: make it 0640 or less`;
  } catch (error) {
    return `${at}${fromSystemError(error, file).message}`;
  }
}
