import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { printable } from '@tidemark/program';
import type { Config } from './schema.ts';
import type { ConfigDocument } from './document.ts';

const SECRETS = { x509: 'server-key.pem', psk: 'keys.psk' } as const;
/** Read by everybody, or changed by anybody but its owner. */
const UNSAFE = 0o026;

/** Keys of TLS that others could read or exchange, or that are not there. */
export async function checkSecrets(
  { nbd }: Config,
  document: ConfigDocument,
): Promise<readonly string[]> {
  if (nbd?.tls === undefined) return [];
  const { dir, type } = nbd.tls;
  const file = join(dir, SECRETS[type]);
  const at = `${document.place(['nbd', 'tls', 'dir'])}: nbd.tls.dir: `;
  try {
    const { mode } = await stat(file);
    if ((mode & UNSAFE) === 0) return [];
    const digits = (mode & 0o777).toString(8).padStart(4, '0');
    return [
      `${at}'${printable(file)}' is mode ${digits}, and holds a secret: make it 0640 or less`,
    ];
  } catch (error) {
    return [`${at}${fromSystemError(error, file).message}`];
  }
}
