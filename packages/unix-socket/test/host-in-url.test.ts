import { expect, it } from 'vitest';
import { hostInHeader, hostInUrl } from '../src/index.ts';

it.each([
  ['localhost:8080', 'localhost'],
  ['LocalHost', 'localhost'],
  ['127.0.0.1:', '127.0.0.1'],
  ['[::1]:8080', '::1'],
  ['[::1]', '::1'],
  ['evil.example:80', 'evil.example'],
  ['', ''],
  [undefined, ''],
])('the Host header %o names %o', (header, host) => {
  expect(hostInHeader(header)).toBe(host);
});

it('a host is named by a URL that is made of it', () => {
  for (const host of ['::1', 'fe80::1', '10.0.0.1', 'vm']) {
    expect(hostInHeader(`${hostInUrl(host)}:10809`)).toBe(host);
  }
});
