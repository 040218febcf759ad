import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';

/** How pages are looked at. */
export const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'dark, on a phone': { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  'light, 320 pixels wide': { colorScheme: 'light', viewport: { width: 320, height: 640 } },
};

/** Rules that axe finds broken on a page, with where; minor ones too. */
export async function axeFindings(page: Page, part = 'html'): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    (within) =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(within, {
        resultTypes: ['violations'],
      }),
    part,
  );
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(
      (node) => `${impact ?? ''} ${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`,
    ),
  );
}
