import { afterAll, describe, expect, it } from 'vitest';
import { startFake, TOKEN } from './support/fake-service.ts';
import { rawRequest } from './support/raw-request.ts';

const named = await startFake({ names: ['Tidemark.example'] });
const open = await startFake({ token: undefined });
afterAll(async () => {
  await named.server.close();
  await open.server.close();
});
const { port } = new URL(named.server.address);

describe('who asks by a name', () => {
  it.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', 'tidemark.example'])(
    'of ours is let in: %s',
    async (name) => {
      for (const host of [name, `${name}:${port}`]) {
        const asked = { path: '/api/v1/service', headers: { host } };
        expect((await rawRequest(named.server.address, asked)).status).toBe(200);
      }
    },
  );

  it.each(['evil.example', 'localhost.evil.example', 'evil.example:localhost', '127.0.0.1.x'])(
    'of others is not, whatever it asks for: %s',
    async (host) => {
      for (const path of ['/api/v1/service', '/', '/assets/a.js', '/healthz', '/metrics']) {
        const answer = await rawRequest(named.server.address, { path, headers: { host } });
        expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN' });
      }
    },
  );
});

describe('a page', () => {
  const change = { method: 'POST', path: '/api/v1/jobs/j/cancel' };

  it('of ours may change things', async () => {
    for (const origin of [`http://localhost:${port}`, `https://localhost:${port}`]) {
      const headers = { host: `localhost:${port}`, origin };
      const answer = await rawRequest(named.server.address, { ...change, headers });
      expect(answer.status).toBe(202);
    }
  });

  it.each(['http://evil.example', 'null', 'http://localhost', 'http://localhost:1', 'file://'])(
    'from elsewhere may not: %s',
    async (origin) => {
      const before = named.service.calls.length;
      const headers = { host: `localhost:${port}`, origin };
      const answer = await rawRequest(named.server.address, { ...change, headers });
      expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN' });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(named.service.calls.length).toBe(before);
    },
  );
});

describe('without a token', () => {
  it('everybody may read', async () => {
    const answer = await rawRequest(open.server.address, { path: '/api/v1/service', token: null });
    expect(JSON.parse(answer.body)).toMatchObject({ writable: false });
  });

  it.each([
    ['POST', '/api/v1/jobs/j/cancel'],
    ['POST', '/api/v1/drives/vm%201/bitmaps'],
    ['DELETE', '/api/v1/drives/vm%201/bitmaps/a%2Fb'],
    ['POST', '/api/v1/drives/vm%201/bitmaps/a%2Fb/clear'],
    ['POST', '/api/v1/drives/vm%201/bitmaps/a%2Fb/enable'],
    ['POST', '/api/v1/drives/vm%201/bitmaps/a%2Fb/disable'],
  ])('nobody may change anything: %s %s', async (method, path) => {
    for (const token of [null, TOKEN]) {
      const answer = await rawRequest(open.server.address, { method, path, token });
      expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    }
    expect(open.service.calls).toEqual([]);
  });
});

it('every answer keeps browsers within bounds', async () => {
  for (const path of ['/', '/api/v1/service', '/api/v1/nothing', '/assets/x.js']) {
    const { headers } = await rawRequest(named.server.address, { path });
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
  }
});

it('another token holds at once where it is configured, and the old one no more', async () => {
  const { server, service } = await startFake();
  const next = 'another-token-that-is-as-long';
  server.configure({ listen: { host: '', port: 0 }, service, token: next, log: () => {} });
  const path = '/api/v1/service';
  expect((await rawRequest(server.address, { path })).status).toBe(401);
  expect((await rawRequest(server.address, { path, token: next })).status).toBe(200);
  await server.close();
});
