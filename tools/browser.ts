import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium of the machine; CHROMIUM says where it is. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * `describe` for tests that need a browser, with one that they share. Without Chromium the whole
 * block is skipped and the reason is in its name; with REQUIRE_BROWSER=1 it fails instead.
 */
export function describeWithBrowser(name: string, body: (browser: () => Browser) => void): void {
  if (existsSync(CHROMIUM)) {
    describe(name, () => {
      let browser: Browser | undefined;
      beforeAll(async () => {
        browser = await launchChromium();
      });
      afterAll(async () => browser?.close());
      body(() => browser!);
    });
    return;
  }
  const wanted = `${CHROMIUM} (package chromium)`;
  if (process.env['REQUIRE_BROWSER'] === '1') {
    describe(name, () => {
      it(`needs ${wanted}`, () => {
        throw new Error(`REQUIRE_BROWSER=1, but there is no ${wanted}`);
      });
    });
    return;
  }
  console.warn(`SKIPPED: ${name}: needs ${wanted}`);
  describe.skip(`${name} (skipped: needs ${wanted})`, () => body(() => undefined as never));
}
