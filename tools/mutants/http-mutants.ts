import type { Mutant } from './mutant.ts';

const server = (file: string) => `packages/http/src/server/${file}`;
const access = server('access.ts');
const events = server('event-stream.ts');

/** Each breaks one rule of who may do what over HTTP, and of what is bounded there. */
export const HTTP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a request without a token is answered',
    file: server('answer-api.ts'),
    by: 'test/routes.test',
    find: 'access.checkToken(request);',
    replace: '',
  },
  {
    name: 'no token is as good as an empty one',
    file: access,
    find: 'if (this.#token === undefined) return true;',
    replace: 'if (this.#token === undefined || headers.authorization === undefined) return true;',
  },
  {
    name: 'a change needs no token where none is configured',
    file: server('answer-api.ts'),
    find: "if (route.method !== 'GET') access.checkWrite();",
    replace: '',
  },
  {
    name: 'whoever leads a name here is let in',
    file: access,
    find: 'if (this.#names !== undefined && !this.#names.has(hostInHeader(host))) {',
    replace:
      'if (this.#names !== undefined && !this.#names.has(hostInHeader(host)) && host === headers.te) {',
  },
  {
    name: 'pages from elsewhere may ask',
    file: access,
    find: 'const isOurs = origin === undefined || origin === `http://${host}`;',
    replace: "const isOurs = origin !== '';",
  },
  {
    name: 'scripts of others may run',
    file: server('headers.ts'),
    find: `"script-src 'self'",`,
    replace: `"script-src 'self' https:",`,
  },
  {
    name: 'a body may be as long as it likes where it does not say so',
    file: server('read-body.ts'),
    find: 'if (length > MAX_BODY_BYTES) throw tooLong();',
    replace: '',
  },
  {
    name: 'a parameter may be called as what every object has',
    file: server('read-body.ts'),
    find: 'if (schema === undefined || name in query) {',
    replace: 'if (schema === undefined || Object.hasOwn(query, name)) {',
  },
  {
    name: 'files above the folder are given out',
    file: server('static-files.ts'),
    find: 'if (!segments.every((segment) => SEGMENT.test(segment))) return undefined;',
    replace: '',
  },
  {
    name: 'a client that does not read is kept',
    file: events,
    find: 'if (quiet > this.#limits.patience) client.response.destroy();',
    replace: '',
  },
  {
    name: 'any number may listen',
    file: events,
    find: 'if (this.#clients.size >= this.#limits.clients) {',
    replace: 'if (this.#clients.size > this.#limits.clients) {',
  },
  {
    name: 'what has not changed is sent again',
    file: events,
    find: 'text !== undefined && text !== client.told',
    replace: 'text !== undefined',
  },
  {
    name: 'what went wrong inside is told to all',
    file: 'packages/http/src/http-problem.ts',
    find: "'something went wrong inside', { hint }",
    replace: 'String(error), { hint }',
  },
];
