import type { Mutant } from './sandbox.ts';

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
    name: 'a write without PAYLOAD_LEN is gone on from',
    file: nbd('server/transmission/request.ts'),
    find: "return fatal(request, 'a write without PAYLOAD_LEN');",
    replace: 'return { request, payload: 0 };',
  },
];
