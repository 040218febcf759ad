import { join } from 'node:path';
import type { NbdClientTls, NbdServerTls } from '@tidemark/nbd';
import { type ProgramObjects, parseObjects, serverTls } from '@tidemark/program';
import { NbdFailure } from '../failure.ts';
import type { NbdOptions } from './nbd-options.ts';

type Credentials = ProgramObjects['credentials'] extends ReadonlyMap<string, infer C> ? C : never;

/** TLS of a server. Undefined: none. @throws NbdFailure, USAGE */
export function serverTlsOf(options: NbdOptions): NbdServerTls | undefined {
  const objects = parseObjects(options.objects);
  if (credentialsOf(objects, options, 'server') === undefined) return undefined;
  return serverTls(objects, { creds: options.tlsCreds, authz: options.tlsAuthz });
}

/** TLS of a client that lists. Undefined: none. @throws NbdFailure, USAGE */
export function clientTlsOf(options: NbdOptions): NbdClientTls | undefined {
  const found = credentialsOf(parseObjects(options.objects), options, 'client');
  if (found === undefined) return undefined;
  return clientTls(
    found,
    options.tlsHostname ?? (options.socket === undefined ? options.bind : ''),
  );
}

/** TLS of a client, by the object that it names. @throws USAGE; NbdFailure with the reason alone */
export function namedClientTls(
  objects: readonly string[],
  { creds, hostname }: { readonly creds: string; readonly hostname: string },
): NbdClientTls {
  return clientTls(credentialsNamed(parseObjects(objects), creds, 'client'), hostname);
}

function clientTls(found: Credentials, hostname: string): NbdClientTls {
  const { type, dir, verifyPeer, username } = found;
  if (type === 'psk') return { type, keyFile: join(dir, 'keys.psk'), username };
  return { type, certificates: dir, hostname, verifyPeer };
}

function credentialsOf(
  objects: ProgramObjects,
  { tlsCreds, tlsAuthz, tlsHostname }: NbdOptions,
  endpoint: 'server' | 'client',
): Credentials | undefined {
  if (tlsCreds === undefined) {
    const given = tlsAuthz === undefined ? tlsHostname && '--tls-hostname' : '--tls-authz';
    if (given === undefined) return undefined;
    throw new NbdFailure(`${given} is not permitted without --tls-creds`);
  }
  const isList = endpoint === 'client';
  if (tlsAuthz !== undefined && isList) {
    throw new NbdFailure('TLS authorization is incompatible with export list');
  }
  if (tlsHostname !== undefined && !isList) {
    throw new NbdFailure('TLS hostname is only supported with export list');
  }
  try {
    return credentialsNamed(objects, tlsCreds, endpoint);
  } catch (error) {
    if (!(error instanceof NbdFailure)) throw error;
    throw new NbdFailure(`Failed to get TLS creds: ${error.message}`, { cause: error });
  }
}

function credentialsNamed(
  { credentials }: ProgramObjects,
  id: string,
  endpoint: 'server' | 'client',
): Credentials {
  const found = credentials.get(id);
  if (found?.endpoint === endpoint) return found;
  const problem =
    found === undefined
      ? `No TLS credentials with id '${id}'`
      : `Expected TLS credentials for a ${endpoint} endpoint`;
  throw new NbdFailure(problem);
}
