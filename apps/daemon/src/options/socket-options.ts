import { TidemarkError } from '@tidemark/core';
import type { NbdLimits } from '@tidemark/nbd';
import type { HttpConfig } from '../config/serving-schema.ts';
import { KeyValues, parseSize } from '@tidemark/program';

export type SocketAddress =
  | { readonly type: 'unix'; readonly path: string; readonly mode?: number }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

/** One `--nbd-server`. */
export interface NbdServerOption {
  readonly address: SocketAddress;
  /** Id of an object of credentials. */
  readonly creds: string | undefined;
  /** Id of an object that says who may come in. */
  readonly authz: string | undefined;
  /** Other machines may reach it although nobody has to prove who he is. */
  readonly exposed: boolean;
  readonly limits: Partial<NbdLimits>;
}

const HTTP_KEYS = ['addr.type', 'addr.path', 'addr.mode', 'addr.host', 'addr.port', 'token-file'];
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
const KEYS = [
  'addr.type',
  'addr.path',
  'addr.mode',
  'addr.host',
  'addr.port',
  'tls-creds',
  'tls-authz',
  'exposed',
  'max-connections',
  'max-requests',
  'max-bytes',
  'handshake-seconds',
];

/** QEMU's 0: as many as come. */
const ANY_NUMBER = 2 ** 31 - 1;

/** `--nbd-server`, in qemu-storage-daemon's grammar, with limits and a socket's mode beside it. */
export function parseNbdServerOption(text: string): NbdServerOption {
  const values = new KeyValues('--nbd-server', text, KEYS);
  const creds = values.text('tls-creds');
  const exposed = values.flag('exposed') ?? false;
  const address = parseAddress(values);
  if (address.type === 'inet' && !LOOPBACK.includes(address.host)) {
    if (creds === undefined && !exposed) throw notLoopback(values, address.host);
  }
  const limits = parseLimits(values);
  return { address, creds, authz: values.text('tls-authz'), exposed, limits };
}

/** `--http`: where, as `--nbd-server` has it, and which token. */
export function parseHttpOption(text: string): HttpConfig {
  const values = new KeyValues('--http', text, HTTP_KEYS);
  const address = parseAddress(values);
  const tokenFile = values.text('token-file');
  const isOpen = address.type === 'inet' && !LOOPBACK.includes(address.host);
  if (isOpen && tokenFile === undefined) {
    const text = `'${address.host}' can be reached from other machines`;
    throw values.error(text, 'add token-file=PATH, or use 127.0.0.1, ::1 or a unix socket');
  }
  const { type: _, ...place } = address;
  const listen = 'path' in place ? { unix: place.path, ...modeOf(place) } : place;
  return { listen, ...(tokenFile !== undefined && { 'token-file': tokenFile }) };
}

function modeOf({ mode }: { readonly mode?: number }) {
  return mode === undefined ? {} : { mode };
}

function parseAddress(values: KeyValues): SocketAddress {
  const type = values.oneOf('addr.type', { unix: 'unix', inet: 'inet' } as const);
  if (type === undefined) throw values.error("'addr.type=' is missing", 'use unix or inet');
  if (type === 'unix') {
    const mode = parseMode(values);
    return { type, path: values.required('addr.path'), ...(mode !== undefined && { mode }) };
  }
  const host = values.required('addr.host');
  const port = Number(values.required('addr.port'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw values.error(`'addr.port=${port}' is not a port`, 'use a number from 0 to 65535');
  }
  return { type, host, port };
}

function parseMode(values: KeyValues): number | undefined {
  const text = values.text('addr.mode');
  if (text === undefined || /^0?[0-7]{3}$/.test(text))
    return text === undefined ? undefined : Number.parseInt(text, 8);
  throw values.error(`'addr.mode=${text}' is not a mode`, 'use octal digits, as 0660');
}

function parseLimits(values: KeyValues): Partial<NbdLimits> {
  const clients = parseCount(values, 'max-connections');
  const requests = parseCount(values, 'max-requests');
  const bytes = values.text('max-bytes');
  const seconds = parseCount(values, 'handshake-seconds');
  return {
    ...(clients !== undefined && { clients: clients === 0 ? ANY_NUMBER : clients }),
    ...(requests !== undefined && { requests }),
    ...(bytes !== undefined && { bytes: parseSize(bytes) }),
    ...(seconds !== undefined && { handshake: seconds * 1000 }),
  };
}

function parseCount(values: KeyValues, key: string): number | undefined {
  const text = values.text(key);
  if (text === undefined || /^\d{1,6}$/.test(text))
    return text === undefined ? undefined : Number(text);
  throw values.error(`'${key}=${text}' is not a number`, 'use a number from 0 to 999999');
}

function notLoopback(values: KeyValues, host: string): TidemarkError {
  return values.error(
    `'addr.host=${host}' is not a loopback address`,
    'add tls-creds=ID, or exposed=on where everybody who reaches it may read and write the drives; ' +
      'else use 127.0.0.1, ::1 or a unix socket',
  );
}

/** `--qmp unix:PATH`; QEMU's `,server=on,wait=off` behind it changes nothing and is accepted. */
export function parseQmpOption(text: string): string {
  const [address = '', ...flags] = text.split(',');
  const accepted = ['server', 'server=on', 'wait=off', 'nowait'];
  const path = address.startsWith('unix:') ? address.slice('unix:'.length) : '';
  if (path !== '' && flags.every((flag) => accepted.includes(flag))) return path;
  throw new TidemarkError('USAGE', `--qmp: '${text}' is not an address`, {
    hint: 'use --qmp unix:PATH',
  });
}
