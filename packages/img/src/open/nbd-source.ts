import { ImgFailure, notOffered } from '../failure.ts';
import { flagOf, type ImageOptions } from './image-options.ts';

/** An export of an NBD server, as a user names it. */
export interface NbdTarget {
  /** As the NBD project's uri.md has it. */
  readonly uri: string;
  /** As QEMU calls the image. */
  readonly path: string;
  /** Where the server is, as messages name it. */
  readonly address: string;
  /** Id of the object that has the credentials. */
  readonly tlsCreds?: string | undefined;
  readonly tlsHostname?: string | undefined;
  /** A metadata context in place of `base:allocation`. */
  readonly context?: string | undefined;
}

type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: string };

const USUAL_PORT = '10809';

/** Whether a name is of an export of an NBD server: an URI, or QEMU's older `nbd:HOST:PORT`. */
export function isNbdName(name: string): boolean {
  return /^nbds?(?:\+[a-z]+)?:/.test(name);
}

/** @throws USAGE: it is no address */
export function nbdOfName(name: string): NbdTarget {
  const uri = /^(nbds?)(?:\+(tcp|unix))?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(name);
  if (uri === null) return nbdOfOldName(name);
  const [, , kind, authority = '', exportName = '', query = ''] = uri;
  if (kind !== 'unix') {
    const [, host, port = USUAL_PORT] = /^(.+?)(?::(\d+))?$/.exec(authority) ?? [];
    if (host === undefined) throw new ImgFailure('No valid URL specified');
    return { ...targetOf({ kind: 'inet', host, port }, decode(exportName)), uri: name };
  }
  const socket = new URLSearchParams(query).get('socket');
  if (authority !== '' || socket === null) throw new ImgFailure('No valid URL specified');
  return { ...targetOf({ kind: 'unix', path: socket }, decode(exportName)), uri: name };
}

/** `nbd:unix:PATH` or `nbd:HOST:PORT`, with `:exportname=NAME`. */
function nbdOfOldName(name: string): NbdTarget {
  const [, rest = '', exportName = ''] = /^nbd:(.*?)(?::exportname=(.*))?$/s.exec(name) ?? [];
  if (rest.startsWith('unix:')) {
    return targetOf({ kind: 'unix', path: rest.slice('unix:'.length) }, exportName);
  }
  const [, host, port] = /^(\[[^\]]*\]|[^:]+):(\d+)$/.exec(rest) ?? [];
  if (host === undefined || port === undefined) {
    throw new ImgFailure(`error parsing address '${rest}'`);
  }
  return targetOf({ kind: 'inet', host, port }, exportName);
}

const KNOWN = new Set(
  (
    'driver server.type server.path server.host server.port server.to server.ipv4 server.ipv6 ' +
    'server.numeric server.keep-alive server.mptcp host port path export tls-creds tls-hostname ' +
    'x-dirty-bitmap reconnect-delay open-timeout'
  ).split(' '),
);

/** @param others keys that any image may have. @throws USAGE */
export function nbdOfOptions(options: ImageOptions, others: ReadonlySet<string>): NbdTarget {
  const unknown = [...options.keys()].find((key) => !KNOWN.has(key) && !others.has(key));
  if (unknown !== undefined) {
    throw new ImgFailure(`Block protocol 'nbd' doesn't support the option '${unknown}'`);
  }
  const target = targetOf(addressOf(options), options.get('export') ?? '');
  return {
    ...target,
    tlsCreds: options.get('tls-creds'),
    tlsHostname: options.get('tls-hostname'),
    context: options.get('x-dirty-bitmap'),
  };
}

function addressOf(options: ImageOptions): Address {
  const type = options.get('server.type') ?? 'inet';
  if (type !== 'unix' && type !== 'inet') throw notOffered(`NBD server of type '${type}'`);
  const isOld = !options.has('server.type');
  const of = (key: string) => options.get(isOld ? key : `server.${key}`);
  const [path, host] = [of('path'), of('host')];
  if (isOld && path !== undefined && host !== undefined) {
    throw new ImgFailure('path and host may not be used at the same time');
  }
  if (path !== undefined && (isOld || type === 'unix')) return { kind: 'unix', path };
  if (host === undefined || (!isOld && type === 'unix')) {
    throw new ImgFailure('NBD server address missing');
  }
  for (const key of ['ipv4', 'ipv6']) flagOf(options, `server.${key}`);
  return { kind: 'inet', host, port: of('port') ?? USUAL_PORT };
}

function targetOf(address: Address, exportName: string): NbdTarget {
  const name = encodeURIComponent(exportName);
  if (address.kind === 'unix') {
    const { path } = address;
    return {
      uri: `nbd+unix:///${name}?socket=${encodeURIComponent(path)}`,
      path: `nbd+unix://${exportName === '' ? '' : `/${exportName}`}?socket=${path}`,
      address: path,
    };
  }
  const { host, port } = address;
  const place = `${host}:${port}`;
  const path = `nbd://${place}${exportName === '' ? '' : `/${exportName}`}`;
  return { uri: `nbd://${place}/${name}`, path, address: place };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ImgFailure('No valid URL specified');
  }
}
