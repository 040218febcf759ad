import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hostInHeader } from '@tidemark/unix-socket';
import { HttpProblem } from '../http-problem.ts';

export interface AccessOptions {
  /** Whoever has it may read and change; without one, nobody may change anything. */
  readonly token: string | undefined;
  /** Names in the Host header that stand for us; undefined: any, where no browser comes. */
  readonly names: readonly string[] | undefined;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Who may do what. */
export class Access {
  readonly #token: Buffer | undefined;
  readonly #names: ReadonlySet<string> | undefined;

  constructor({ token, names }: AccessOptions) {
    this.#token = token === undefined ? undefined : digest(token);
    this.#names = names && new Set([...LOOPBACK, ...names].map(hostInHeader));
  }

  /** Whether whoever may come in may change anything. */
  get canWrite(): boolean {
    return this.#token !== undefined;
  }

  /**
   * A name that an attacker's DNS leads here is none of ours, and a page of somebody else's is not to
   * ask us for anything. @throws HttpProblem
   */
  checkOrigin({ headers }: IncomingMessage): void {
    const { host = '', origin } = headers;
    if (this.#names !== undefined && !this.#names.has(hostInHeader(host))) {
      const hint = 'use localhost, or name it in http.names of the configuration';
      throw new HttpProblem(403, 'FORBIDDEN', 'this host name is not known here', { hint });
    }
    const isOurs = origin === undefined || origin === `http://${host}`;
    // A proxy that ends TLS keeps the name.
    if (isOurs || origin === `https://${host}`) return;
    throw new HttpProblem(403, 'FORBIDDEN', 'pages from elsewhere may not ask for this');
  }

  /** @throws HttpProblem */
  checkToken(request: IncomingMessage): void {
    if (this.hasToken(request)) return;
    const hint = 'send Authorization: Bearer TOKEN';
    throw new HttpProblem(401, 'UNAUTHORIZED', 'the token is missing or wrong', { hint });
  }

  /** True where none is asked for. Takes as long whatever is wrong with it. */
  hasToken({ headers }: IncomingMessage): boolean {
    if (this.#token === undefined) return true;
    const given = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1];
    return timingSafeEqual(digest(given ?? ''), this.#token) && given !== undefined;
  }

  /** @throws HttpProblem */
  checkWrite(): void {
    if (this.canWrite) return;
    const hint = 'name a token-file in http of the configuration';
    throw new HttpProblem(403, 'FORBIDDEN', 'nothing can be changed without a token', { hint });
  }
}

/** Of one length, whatever the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
