import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { startFake, TOKEN } from './support/fake-service.ts';
import { rawRequest } from './support/raw-request.ts';

const { server, service, logged } = await startFake();
afterAll(() => server.close());

const json = { 'content-type': 'application/json' };
const add = { method: 'POST', path: '/api/v1/drives/vm%201/bitmaps', headers: json };

describe('a body', () => {
  it.each([
    [
      'of another type',
      { ...add, headers: { 'content-type': 'text/plain' }, body: '{"name":"n"}' },
    ],
    ['without a type', { ...add, headers: {}, body: '{"name":"n"}' }],
    ['that is none', { ...add, body: '' }],
    ['that is no JSON', { ...add, body: '{"name":' }],
    ['that is no object', { ...add, body: '["n"]' }],
    ['with an unknown key', { ...add, body: '{"name":"n","granulartiy":512}' }],
    ['with a wrong value', { ...add, body: '{"name":"n","granularity":"512"}' }],
    ['with __proto__', { ...add, body: '{"name":"n","__proto__":{"disabled":true}}' }],
  ])('%s is refused', async (_, raw) => {
    expect(await rawRequest(server.address, raw)).toMatchObject({ status: 400, code: 'USAGE' });
  });

  it('that is too long is refused, however it is sent, and the next request is answered', async () => {
    const body = JSON.stringify({ name: 'n', more: 'x'.repeat(65_536) });
    const chunked = { ...json, 'transfer-encoding': 'chunked' };
    for (const headers of [{ ...json, 'content-length': String(body.length) }, chunked]) {
      const answer = await rawRequest(server.address, { ...add, headers, body });
      expect(answer).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
    }
    const answer = await rawRequest(server.address, { ...add, body: '{"name":"n"}' });
    expect(answer.status).toBe(201);
    expect(service.calls.splice(0)).toEqual([['add', 'vm 1', { name: 'n' }]]);
  });
});

describe('a path', () => {
  it.each([
    ['/api/v1', 404],
    ['/api/v1/', 404],
    ['/api/v1/drives/', 404],
    ['/api/v1/drives//map', 404],
    ['/api/v1/drives/vm%201/bitmaps/', 404],
    ['/api/v1/drives/%ff/map', 400],
    ['/api/v1/drives/%/map', 400],
    ['/api/v1/__proto__', 404],
    ['/api/v2/service', 404],
    ['/api/v1/service?x=1', 400],
    ['/api/v1/drives/vm%201/map?cells=1&cells=2', 400],
    ['/api/v1/drives/vm%201/map?cells=0', 400],
    ['/api/v1/drives/vm%201/map?cells=4097', 400],
    ['/api/v1/drives/vm%201/map?cells=1.5', 400],
    ['/api/v1/drives/vm%201/map?cells=', 400],
    ['/api/v1/drives/vm%201/map?offset=-1', 400],
    ['/api/v1/drives/vm%201/map?offset=99999999999999999999', 400],
    ['/api/v1/drives/vm%201/map?offset=9999999999999999', 400],
    ['/api/v1/drives/vm%201/map?length=x', 400],
    ['/api/v1/drives/vm%201/map?__proto__=1', 400],
    ['//evil.example/api/v1/service', 404],
    ['http://evil.example/api/v1/service', 404],
    ['*', 404],
  ])('that leads nowhere is refused: %s', async (path, status) => {
    expect((await rawRequest(server.address, { path })).status).toBe(status);
    expect(service.calls.splice(0)).toEqual([]);
  });

  it('of whatever letters never makes it fail', async () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    const letters = name.filter((text) => text.isWellFormed()).map(encodeURIComponent);
    const some = fc.string({ unit: 'grapheme-ascii', maxLength: 60 }).map((text) => {
      return text.replaceAll(/[\s#]/g, '%20');
    });
    const path = fc.oneof(
      fc.tuple(letters, letters).map(([a, b]) => `/drives/${a}/map?${b}=${a}`),
      fc.tuple(letters, some).map(([a, b]) => `/drives/${a}/bitmaps/${b}/clear`),
      fc.record({ o: fc.string(), c: fc.integer() }).map(({ o, c }) => {
        return `/drives/vm%201/map?offset=${encodeURIComponent(o.toWellFormed())}&cells=${c}`;
      }),
      some.map((text) => `/${text}`),
    );
    const method = fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'PATCH');
    await fc.assert(
      fc.asyncProperty(method, path, async (how, where) => {
        const asked = { method: how, path: `/api/v1${where}`.slice(0, 2000) };
        if (where.startsWith('/events')) return;
        const { status, body } = await rawRequest(server.address, asked);
        expect(status).toBeLessThan(500);
        const isTold = status < 400 || how === 'HEAD' || body.startsWith('{"error":{"code":');
        expect(isTold).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(logged).toEqual([]);
  });
});

it('what nobody foresaw is in the log, and not in the answer; the token is in neither', async () => {
  const answer = await rawRequest(server.address, { ...add, body: '{"name":"bug"}' });
  expect(answer).toMatchObject({ status: 500, code: 'INTERNAL' });
  expect(answer.body).not.toContain('secret of the inside');
  expect(logged.join()).toContain('secret of the inside');
  expect(logged.join() + answer.body).not.toContain(TOKEN);
});

it('HEAD is GET without a body', async () => {
  const got = await rawRequest(server.address, { path: '/api/v1/drives' });
  const head = await rawRequest(server.address, { method: 'HEAD', path: '/api/v1/drives' });
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(head.headers['content-length']).toBe(got.headers['content-length']);
});
