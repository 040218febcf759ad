import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { startFake } from './support/fake-service.ts';
import { rawRequest } from './support/raw-request.ts';

const root = tempDir();
const folder = join(root, 'files');
mkdirSync(join(folder, 'assets'), { recursive: true });
writeFileSync(join(folder, 'index.html'), '<!doctype html>');
writeFileSync(join(folder, 'favicon.svg'), '<svg/>');
writeFileSync(join(folder, 'assets/index-B3x_9dQa.js'), 'x');
writeFileSync(join(folder, 'assets/plain.css'), 'y');
writeFileSync(join(folder, '.hidden.html'), 'hidden');
writeFileSync(join(root, 'secret.html'), 'secret');
symlinkSync('../secret.html', join(folder, 'assets/link'));

const { server } = await startFake({
  files: { folder, missing: 'nothing here' },
  pages: { '/healthz': { answer: (isKnown) => ({ status: 200, body: `ok ${isKnown}\n` }) } },
});
afterAll(() => server.close());
const get = (path: string, method = 'GET') =>
  rawRequest(server.address, { path, method, token: null });

describe('files', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'no-cache', '<!doctype html>'],
    ['/favicon.svg', 'image/svg+xml', 'no-cache', '<svg/>'],
    ['/assets/plain.css?x', 'text/css; charset=utf-8', 'no-cache', 'y'],
    [
      '/assets/index-B3x_9dQa.js',
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
      'x',
    ],
  ])('are given to everybody: %s', async (path, type, cache, body) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers).toMatchObject({ 'content-type': type, 'cache-control': cache });
  });

  it.each([
    '/../secret.html',
    '/assets/../../secret.html',
    '/%2e%2e/secret.html',
    '/..%2fsecret.html',
    '/.hidden.html',
    '/assets',
    '/assets/',
    '/assets/link',
    '/assets//plain.css',
    '/assets/plain.css%00',
    '/constructor',
    '/x'.repeat(3000),
  ])('are not what lies elsewhere: %s', async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: 'nothing here\n' });
  });

  it('and pages are read only', async () => {
    for (const path of ['/', '/healthz', '/assets/plain.css']) {
      expect((await get(path, 'POST')).status).toBe(405);
    }
  });
});

it('a page knows whether the token was sent', async () => {
  expect((await get('/healthz')).body).toBe('ok false\n');
  expect((await rawRequest(server.address, { path: '/healthz' })).body).toBe('ok true\n');
});
