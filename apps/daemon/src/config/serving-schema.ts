import * as v from 'valibot';
import {
  count,
  flag,
  key,
  list,
  mapping,
  mode,
  ofKind,
  oneOf,
  optional,
  path,
  size,
  text,
} from './fields.ts';

export const UnixListen = mapping({
  unix: key(
    path,
    'A unix socket. One that a crash left is taken over, one that somebody listens on is not',
  ),
  mode: optional(mode, 'Who may connect to it, as of a file', 'as the umask says'),
});

export const HostListen = mapping({
  host: key(text, 'An address of this machine'),
  port: key(count(0, 65_535), 'A port; 0 lets the system choose'),
});

export const Listen = ofKind(
  'an address',
  v.lazy((value): typeof UnixListen | typeof HostListen => {
    return typeof value === 'object' && value !== null && 'unix' in value ? UnixListen : HostListen;
  }),
);

const AllowedName = v.lazy((value) => {
  return typeof value === 'string'
    ? text
    : mapping({ glob: key(text, 'A name with * for any text and ? for any letter') });
});

const Tls = mapping({
  type: key(oneOf(['x509', 'psk']), 'Certificates, or keys that both sides know'),
  dir: key(
    path,
    'x509: holds server-cert.pem, server-key.pem, ca-cert.pem and, if there is one, ca-crl.pem. psk: holds keys.psk, a line NAME:HEX for each client. Keys must not be readable by everybody',
  ),
  'verify-peer': optional(
    flag,
    'x509: whether a client needs a certificate of that authority',
    'true',
  ),
  allow: optional(
    list(AllowedName, 'a list of names'),
    'Who may come in, by the name of the key or in the certificate (O=Example,CN=client); {glob: ...} for names with * and ?',
    'everybody who has proven a name',
  ),
});

export const Nbd = mapping({
  listen: key(Listen, 'Where NBD clients connect'),
  tls: optional(
    Tls,
    'Nothing is answered without TLS then, and hosts of other machines may be listened on',
  ),
  exposed: optional(
    flag,
    'Listens where other machines reach it although nobody has to prove who he is',
    'false',
  ),
  'max-connections': optional(count(0, 999_999), 'Clients at a time; 0 for any number', '128'),
  'max-requests': optional(
    count(1, 999_999),
    'Requests of one client that are worked on at a time',
    '64',
  ),
  'max-bytes': optional(size, 'Bytes of data that the requests of one client hold', '16M'),
  'handshake-seconds': optional(count(1, 999_999), 'For TLS and the negotiation', '10'),
});

export const Export = mapping({
  drive: key(text, 'The drive that it shows'),
  name: optional(text, 'What clients call it', "the export's own key"),
  description: optional(text, 'A text for clients', 'none'),
  'read-only': optional(
    flag,
    'true: clients can write nothing',
    'false, if the drive can be written',
  ),
  bitmaps: optional(
    ofKind(
      'all, or a list of names',
      v.lazy((value) =>
        Array.isArray(value) ? v.array(text) : v.literal('all', 'all, or a list of names'),
      ),
    ),
    'all: those of the drive as they come and go, and they can be changed meanwhile. A list: these, and they are busy while it is there',
    'all',
  ),
  writethrough: optional(flag, 'Each write is durable before it is answered', 'false'),
  'allocation-depth': optional(flag, 'Offers qemu:allocation-depth', 'true'),
});

export const Log = mapping({
  level: optional(
    oneOf(['error', 'warn', 'info', 'debug']),
    'What is told: this and what is worse',
    'info',
  ),
  format: optional(oneOf(['plain', 'json']), 'Lines for people, or an object a line', 'plain'),
});

export const Metrics = mapping({
  listen: key(
    Listen,
    "Serves /metrics, /healthz and /readyz over HTTP: on a unix socket or this machine's loopback",
  ),
});

export const Http = mapping({
  listen: key(
    Listen,
    'Where the API, the dashboard, /metrics, /healthz and /readyz are served over HTTP. Hosts of other machines need token-file, and something in front that ends TLS',
  ),
  'token-file': optional(
    path,
    'Holds a token of 16 characters or more, readable by its owner and group at most. Whoever sends it may read and change. Without it nothing can be changed, and who reaches the address may read',
    'none',
  ),
  names: optional(
    list(text, 'a list of names'),
    'Host names under which browsers reach it, besides localhost and the address itself: others are refused',
    'none',
  ),
  dashboard: optional(flag, 'Whether pages for people are served', 'true'),
});

export type HttpConfig = v.InferOutput<typeof Http>;
export type NbdConfig = v.InferOutput<typeof Nbd>;
export type ExportConfig = v.InferOutput<typeof Export>;
export type ListenConfig = v.InferOutput<typeof UnixListen> | v.InferOutput<typeof HostListen>;
export type MonitorConfig = v.InferOutput<typeof UnixListen>;
