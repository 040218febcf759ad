import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

export interface OpenPage {
  readonly page: Page;
  /** Closes the page, and fails where a policy was violated or an error went unhandled. */
  readonly close: () => Promise<void>;
}

/** A page of its own session, on the dashboard at `url`, watched for what must never happen. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1360, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/content security policy|trusted/i.test(message.text())) problems.push(message.text());
  });
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { violations: seen });
    document.addEventListener('securitypolicyviolation', (event) => {
      seen.push(`${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return {
    page,
    async close() {
      const seen = await page.evaluate(
        () => (globalThis as unknown as { violations: string[] }).violations,
      );
      await context.close();
      expect([...problems, ...seen]).toEqual([]);
    },
  };
}

/** The card of a drive. */
export const card = (page: Page, drive: string): Locator => page.locator(`#drive-${drive}`);

/** Waits for text, as a person does who looks. */
export async function expectSeen(locator: Locator, text: string | RegExp): Promise<void> {
  await locator.filter({ hasText: text }).first().waitFor();
}
