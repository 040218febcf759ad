import type { Mutant } from './mutant.ts';

const nbd = (file: string) => `packages/nbd/src/${file}`;

/** Each breaks one rule of what is sent again where a connection is lost. */
export const RECONNECT_MUTANTS: readonly Mutant[] = [
  {
    name: 'writes that were not flushed are not sent again',
    file: nbd('client/link/link.ts'),
    find: '          await this.#unflushed?.replay(opened);\n',
    replace: '',
  },
  {
    name: 'the buffer of a write is kept, and not what was in it',
    file: nbd('client/link/unflushed-writes.ts'),
    find: '{ ...request, payload: new Uint8Array(payload) }',
    replace: 'request',
  },
  {
    name: 'a disk of another size is gone on with',
    file: nbd('client/link/check-same.ts'),
    find: 'now.size !== before.size',
    replace: 'false',
  },
];

/** Each breaks one rule of TLS, or of headers with 64 bits. */
export const SERVER_MUTANTS: readonly Mutant[] = [
  {
    name: 'options are answered before TLS',
    file: nbd('server/handshake/handshake.ts'),
    find: 'security.isBare && option',
    replace: 'false && option',
  },
  {
    name: 'what came before TLS is taken for encrypted',
    file: nbd('server/handshake/handshake-stream.ts'),
    find: '    if (!this.#inbox.isEmpty) throw tooEarly();\n',
    replace: '',
  },
  {
    name: 'data of a write without PAYLOAD_LEN is taken for requests',
    file: nbd('server/transmission/request.ts'),
    find: 'hasPayload || request.type === Command.WRITE',
    replace: 'hasPayload',
  },
  {
    name: 'who does not ask for block sizes has to keep to them',
    file: nbd('server/handshake/info-option.ts'),
    find: 'isFree ? 1 : blockSize.minimum',
    replace: 'blockSize.minimum',
  },
  {
    name: 'a socket of systemd is served on, whoever can reach it',
    file: nbd('server/listen.ts'),
    find: "  if (!exposed && !LOOPBACK.check(host, host.includes(':') ? 'ipv6' : 'ipv4')) {",
    replace: '  if (host === undefined) {',
  },
];

/** Each breaks one rule of clients that wait, of space that is kept, and of servers that are silent. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'more clients are served than were asked for',
    file: nbd('server/clients.ts'),
    find: 'this.#served.size < this.#options.limits().clients',
    replace: 'true',
  },
  {
    name: 'a client that only looked counts as one that was served',
    file: nbd('server/clients.ts'),
    find: 'hasEntered: connection.hasEntered',
    replace: 'hasEntered: true',
  },
  {
    name: 'a discard reaches a drive that keeps its space',
    file: nbd('server/transmission/serve-request.ts'),
    find: 'length > 0 && discards',
    replace: 'length > 0',
  },
  {
    name: 'zeros give space back that is to be kept',
    file: nbd('server/transmission/serve-request.ts'),
    find: 'const unmap = discards && ',
    replace: 'const unmap = ',
  },
  {
    name: 'a server that says something is given up',
    file: nbd('client/silence-watch.ts'),
    find: 'if (now === known) {',
    replace: 'if (now >= known) {',
  },
];

/** Each breaks one rule of memory that is used again, or shared by all clients. */
export const MEMORY_MUTANTS: readonly Mutant[] = [
  {
    name: 'a write that waits is made from memory that others receive into',
    file: nbd('server/transmission/transmission.ts'),
    find: 'payload: inbox.kept(come.payload)',
    replace: 'payload: come.payload',
  },
  {
    name: 'what is left of what came stays where others receive next',
    file: nbd('server/inbox.ts'),
    find: 'Buffer.from(this.#rest())',
    replace: 'this.#rest()',
  },
  {
    name: 'memory is set aside for what is only announced',
    file: nbd('server/filling.ts'),
    find: '  if (length <= FIRST) return length;\n',
    replace: '  if (have >= 0) return length;\n',
  },
  {
    name: 'who has sent very much once may have as much set aside again',
    file: nbd('server/inbox.ts'),
    find: 'Math.min(whole.length, MAX_BELIEVED)',
    replace: 'whole.length',
  },
  {
    name: 'more is received behind the end of what is whole',
    file: nbd('server/inbox.ts'),
    find: 'return this.#filling?.whole === undefined ? this.#filling?.target : undefined;',
    replace: 'return this.#filling?.target;',
  },
];

/** Each breaks one rule of what makes reads quick. */
export const READ_MUTANTS: readonly Mutant[] = [
  {
    name: 'a client that takes all at once never ends its turn',
    file: nbd('server/transmission/outbox.ts'),
    find: ' || this.#turnLength >= MAX_TURN_BYTES',
    replace: '',
  },
  {
    name: 'many replies wait for the end of the turn',
    file: nbd('server/transmission/outbox.ts'),
    find: '    if (this.#batch.length >= SEND_BYTES) this.#send();\n',
    replace: '',
  },
  {
    name: 'each of many reads looks for holes',
    file: nbd('server/known-data.ts'),
    find: '    this.#searches.add(search);\n',
    replace: '',
  },
  {
    name: 'memory is lent from where a page begins',
    file: nbd('server/buffer-pool.ts'),
    find: 'whole.subarray(OFF_PAGE, OFF_PAGE + length)',
    replace: 'whole.subarray(0, length)',
  },
  {
    name: 'what is no data is taken for data once a client has asked about it',
    file: nbd('server/transmission/serve-request.ts'),
    find: 'if (flags === 0) known.add(at, length);',
    replace: 'if (flags >= 0) known.add(at, length);',
  },
  {
    name: 'small holes are not told where the export asks for it',
    file: nbd('server/transmission/serve-read.ts'),
    find: 'bytes >= smallestHole',
    replace: 'bytes >= 65_536',
  },
];
