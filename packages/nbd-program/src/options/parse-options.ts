import { Getopt } from '@tidemark/img';
import { NbdFailure, notOffered, PROGRAM } from '../failure.ts';
import { DEFAULT_ONLY, LONG_OPTIONS, NOT_OFFERED, SHORT } from './known-options.ts';
import { FIRST_HANDED_SOCKET } from '@tidemark/program';
import type { NbdOptions } from './nbd-options.ts';

const DEFAULT_PORT = '10809';
/** qemu-nbd's is every address. */
const DEFAULT_BIND = '127.0.0.1';
/** Bytes of a name or a description (proto.md, "Values"). */
const MAX_STRING_BYTES = 4096;

type Draft = { -readonly [Key in keyof NbdOptions]: NbdOptions[Key] } & {
  bitmaps: string[];
  objects: string[];
  /** The keys of all options that came. */
  given: Set<string>;
};

/**
 * Takes a command line apart in qemu-nbd's order. @param handedSockets how many listening sockets the
 * program was started with. @throws NbdFailure in its words
 */
export function parseOptions(words: readonly string[], handedSockets: number): NbdOptions {
  const draft = emptyDraft();
  const getopt = new Getopt([PROGRAM, ...words], { short: SHORT, long: LONG_OPTIONS });
  for (let found = getopt.next(); found !== undefined; found = getopt.next()) {
    if (found.kind !== 'option') {
      const after = `${PROGRAM}: Try \`${PROGRAM} --help' for more information.\n`;
      throw new NbdFailure(found.message, { after });
    }
    take(found.key, found.value, draft);
    if (draft.task === 'help' || draft.task === 'version') return draft;
  }
  checkWords(draft, getopt.rest);
  if (handedSockets > 0) draft.handedSocket = takeHandedSocket(draft, handedSockets);
  return draft;
}

function emptyDraft(): Draft {
  return {
    task: 'serve',
    file: undefined,
    socket: undefined,
    handedSocket: undefined,
    port: DEFAULT_PORT,
    bind: DEFAULT_BIND,
    format: undefined,
    readOnly: false,
    exportName: '',
    description: undefined,
    bitmaps: [],
    allocationDepth: false,
    discards: false,
    shared: 1,
    persistent: false,
    fork: false,
    pidFile: undefined,
    objects: [],
    tlsCreds: undefined,
    tlsAuthz: undefined,
    tlsHostname: undefined,
    verbose: false,
    given: new Set(),
  };
}

/** Settings of the drive: with -L there is none. */
const OF_DRIVE: readonly string[] = ['x', 'D', 'f', 'B', 'A', 'cache', 'aio', 'discard'];

function take(key: string, value: string, draft: Draft): void {
  draft.given.add(key);
  const option = SETTERS[key];
  if (option !== undefined) option(draft, value);
  else if (Object.hasOwn(DEFAULT_ONLY, key)) takeDefaultOnly(key, value);
  else throw notOffered(`Option '${NOT_OFFERED[key] ?? key}'`);
}

const SETTERS: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  h: (draft) => (draft.task = 'help'),
  V: (draft) => (draft.task = 'version'),
  L: (draft) => (draft.task = 'list'),
  k: (draft, value) => {
    if (!value.startsWith('/')) throw new NbdFailure('socket path must be absolute');
    draft.socket = value;
  },
  p: (draft, value) => (draft.port = value),
  b: (draft, value) => (draft.bind = value),
  f: (draft, value) => (draft.format = value),
  r: (draft) => (draft.readOnly = true),
  x: (draft, value) => (draft.exportName = checkLength('export name', value)),
  D: (draft, value) => (draft.description = checkLength('export description', value)),
  B: (draft, value) => draft.bitmaps.push(value),
  A: (draft) => (draft.allocationDepth = true),
  e: (draft, value) => (draft.shared = parseShared(value)),
  t: (draft) => (draft.persistent = true),
  v: (draft) => (draft.verbose = true),
  fork: (draft) => (draft.fork = true),
  'pid-file': (draft, value) => (draft.pidFile = value),
  object: (draft, value) => draft.objects.push(value),
  'tls-creds': (draft, value) => (draft.tlsCreds = value),
  'tls-authz': (draft, value) => (draft.tlsAuthz = value),
  'tls-hostname': (draft, value) => (draft.tlsHostname = value),
  discard: (draft, value) => {
    if (!['ignore', 'off', 'unmap', 'on'].includes(value)) {
      throw new NbdFailure(`Invalid discard mode \`${value}'`);
    }
    draft.discards = value === 'unmap' || value === 'on';
  },
};

function takeDefaultOnly(key: string, value: string): void {
  const { only, all, bad } = DEFAULT_ONLY[key]!;
  if (!all.includes(value)) throw new NbdFailure(bad.replace('%s', () => value));
  if (value !== only) throw notOffered(`Option '--${key}=${value}'`);
}

function parseShared(value: string): number {
  // 0x and a leading zero mean to qemu-nbd what they mean in C.
  const isC = /^\s*\+?(?:0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i.test(value);
  const digits = value.trim().replace('+', '');
  const number = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  if (isC && number <= 2 ** 31 - 1) return number;
  throw new NbdFailure(`Invalid shared device number '${value}'`);
}

function checkLength(what: string, value: string): string {
  if (Buffer.byteLength(value) <= MAX_STRING_BYTES) return value;
  throw new NbdFailure(`${what} '${value}' too long`);
}

function checkWords(draft: Draft, rest: readonly string[]): void {
  if (draft.task !== 'list') {
    if (rest.length === 1) {
      draft.file = rest[0];
      return;
    }
    const after = `Try \`${PROGRAM} --help' for more information.\n`;
    throw new NbdFailure('Invalid number of arguments', { after });
  }
  if (rest.length > 0) throw new NbdFailure('List mode is incompatible with a file name');
  if (OF_DRIVE.some((key) => draft.given.has(key)))
    throw new NbdFailure('List mode is incompatible with per-device settings');
  if (draft.fork) throw new NbdFailure('List mode is incompatible with forking');
}

/** What says where to listen, with a word for it, in the order in which it is looked for. */
const PLACES: readonly (readonly [key: string, what: string])[] = [
  ['k', 'Unix socket'],
  ['b', 'The interface'],
  ['p', 'TCP port number'],
];

function takeHandedSocket({ task, given }: Draft, count: number): number {
  const place = PLACES.find(([key]) => given.has(key));
  if (place !== undefined) {
    throw new NbdFailure(`${place[1]} can't be set when using socket activation`);
  }
  if (task === 'list') throw new NbdFailure('List mode is incompatible with socket activation');
  if (count === 1) return FIRST_HANDED_SOCKET;
  // qemu-nbd says it with its own name, too.
  throw new NbdFailure(`${PROGRAM} does not support socket activation with LISTEN_FDS > 1`);
}
