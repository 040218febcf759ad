import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../../tools/qemu.ts';

export interface Certificates {
  /** With the names that QEMU and libnbd use. */
  readonly dir: string;
  /** As QEMU writes the name of the client. */
  readonly clientName: string;
}

/** Makes an authority, and certificates of a server (for localhost) and of a client. */
export async function makeCertificates(dir: string, client = 'client'): Promise<Certificates> {
  mkdirSync(dir, { recursive: true });
  const at = (name: string) => join(dir, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run(
    'openssl',
    ...['req', '-x509', ...key, '-days', '2', '-subj', `/CN=authority of ${client}`],
    ...['-keyout', at('ca-key.pem'), '-out', at('ca-cert.pem')],
  );
  for (const [side, name] of [
    ['server', 'server'],
    ['client', client],
  ] as const) {
    const files = ['-keyout', at(`${side}-key.pem`), '-out', at(`${side}.csr`)];
    await run('openssl', 'req', ...key, '-subj', `/C=GB/O=Example, Ltd/CN=${name}`, ...files);
    const extensions = at(`${side}.ext`);
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const authority = ['-CA', at('ca-cert.pem'), '-CAkey', at('ca-key.pem'), '-CAcreateserial'];
    const signed = ['-days', '2', '-extfile', extensions, '-out', at(`${side}-cert.pem`)];
    await run('openssl', 'x509', '-req', '-in', at(`${side}.csr`), ...authority, ...signed);
  }
  // QEMU's servers look for primes of their own without it, for seconds.
  const group = ['-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048'];
  await run('openssl', 'genpkey', '-genparam', ...group, '-out', at('dh-params.pem'));
  return { dir, clientName: `C=GB,O=Example\\, Ltd,CN=${client}` };
}

/** The key that `name` shares with the server, in the file that QEMU and libnbd take. */
export function makeSharedKeys(dir: string, keys: Readonly<Record<string, string>>): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'keys.psk');
  const lines = Object.entries(keys).map(([name, key]) => `${name}:${key}\n`);
  writeFileSync(path, lines.join(''), { mode: 0o600 });
  return path;
}
