import { TidemarkError } from '@tidemark/core';
import { KeyValues } from '../key-values.ts';
import { type AllowList, parseAllowList, parseSimpleAllow } from './allow-list.ts';

/** Certificates or keys of one side of TLS, as QEMU's objects `tls-creds-x509` and `tls-creds-psk`. */
interface TlsCredentials {
  readonly type: 'x509' | 'psk';
  readonly endpoint: 'server' | 'client';
  readonly dir: string;
  readonly verifyPeer: boolean;
  /** Which of the shared keys a client uses. */
  readonly username: string;
}

/** What `--object` options made, by id. */
export interface ProgramObjects {
  readonly credentials: ReadonlyMap<string, TlsCredentials>;
  readonly allowLists: ReadonlyMap<string, AllowList>;
}

/** `--object TYPE,id=ID,...`, each as QEMU takes it. @throws USAGE */
export function parseObjects(texts: readonly string[]): ProgramObjects {
  const credentials = new Map<string, TlsCredentials>();
  const allowLists = new Map<string, AllowList>();
  for (const text of texts) {
    const [type = '', ...rest] = text.split(',');
    const values = rest.join(',');
    const id = (parsed: KeyValues) => freshId(parsed, [credentials, allowLists]);
    if (type === 'tls-creds-x509' || type === 'tls-creds-psk') {
      const kind = type === 'tls-creds-psk' ? 'psk' : 'x509';
      const own = kind === 'psk' ? ['username'] : ['verify-peer'];
      const keys = new KeyValues(`--object ${type}`, values, ['id', 'dir', 'endpoint', ...own]);
      credentials.set(id(keys), parseCredentials(kind, keys));
    } else if (type === 'authz-simple') {
      const keys = new KeyValues(`--object ${type}`, values, ['id', 'identity']);
      allowLists.set(id(keys), parseSimpleAllow(keys));
    } else if (type === 'authz-list') {
      const known = ['id', 'policy', 'rules.N.match', 'rules.N.policy', 'rules.N.format'];
      const keys = new KeyValues(`--object ${type}`, values, known);
      allowLists.set(id(keys), parseAllowList(keys));
    } else {
      throw new TidemarkError('USAGE', `--object: '${type}' is not a type of object`, {
        hint: 'use tls-creds-x509, tls-creds-psk, authz-simple or authz-list',
      });
    }
  }
  return { credentials, allowLists };
}

function parseCredentials(type: 'x509' | 'psk', keys: KeyValues): TlsCredentials {
  return {
    type,
    dir: keys.required('dir'),
    endpoint: keys.oneOf('endpoint', { server: 'server', client: 'client' } as const) ?? 'client',
    verifyPeer: keys.flag('verify-peer') ?? true,
    username: keys.text('username') ?? 'qemu',
  };
}

function freshId(keys: KeyValues, taken: readonly ReadonlyMap<string, unknown>[]): string {
  const id = keys.required('id');
  if (!taken.some((map) => map.has(id))) return id;
  throw keys.error(`the id '${id}' is given twice`, 'give each object an id of its own');
}
