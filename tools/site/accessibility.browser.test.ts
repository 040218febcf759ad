import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeFindings, LOOKS } from '../accessibility.ts';
import { describeWithBrowser } from '../browser.ts';
import { tempDir } from '../qemu.ts';
import { buildSite } from './build-site.ts';

/** One of each kind: the start, sessions, wide tables, code, an API, a file, a package. */
const PAGES = [
  'index.html',
  'docs/tutorial.html',
  'docs/configuration.html',
  'docs/repository-format.html',
  'docs/reference/tidemark.html',
  'packages/core/index.html',
  'api/core.html',
  'source/examples/json-store.ts.html',
];

describeWithBrowser('the site, for all people', (browser) => {
  const folder = tempDir();
  let server: Server;
  let url = '';

  beforeAll(async () => {
    buildSite(folder);
    server = createServer((request, response) => {
      const path = request.url ?? '';
      if (path === '/favicon.ico') {
        response.writeHead(204).end();
        return;
      }
      const type = path.endsWith('.css') ? 'text/css' : 'text/html';
      response.setHeader('content-type', type).end(readFileSync(join(folder, path)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  // Both colours, both layouts.
  describe.each(['light', 'dark, on a phone'])('%s', (look) => {
    it('has no finding of axe', async () => {
      const context = await browser().newContext(LOOKS[look]);
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('console', (message) => {
        // What the policy forbids is told there.
        if (message.type() === 'error') problems.push(message.text());
      });
      for (const path of PAGES) {
        await page.goto(`${url}/${path}`);
        for (const finding of await axeFindings(page)) problems.push(`${path}: ${finding}`);
      }
      await context.close();
      expect(problems).toEqual([]);
    });
  });
});
