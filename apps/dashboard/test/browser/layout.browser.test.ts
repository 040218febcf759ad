import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithBrowser } from '../../../../tools/browser.ts';
import { sampleDaemon } from '../../../../tools/dashboard/scene.ts';
import { openPage, expectSeen } from './open-page.ts';

const EXPECTED = new URL('layout.json', import.meta.url);
const WIDTHS = { wide: 1360, tablet: 820, phone: 390, narrow: 320 } as const;

/** x, y, width, height. */
type Box = [number, number, number, number];
type Layout = Record<string, Box>;

/** Where each region is. Heights depend on fonts, and so does how far down the next one begins. */
async function layoutOf(page: Page): Promise<Layout> {
  return page.evaluate(() => {
    // Cards out of sight have an estimated height until they are drawn once.
    for (const card of document.querySelectorAll<HTMLElement>('.card')) {
      card.style.contentVisibility = 'visible';
    }
    const boxes: Record<string, [number, number, number, number]> = {};
    for (const element of document.querySelectorAll('[data-region], article, .canvas')) {
      const name =
        element.getAttribute('data-region') ??
        (element.id === '' ? `map of ${element.closest('article')!.id}` : element.id);
      const { x, y, width, height } = element.getBoundingClientRect();
      boxes[name] = [x, y + scrollY, width, height].map(Math.round) as [
        number,
        number,
        number,
        number,
      ];
    }
    return boxes;
  });
}

/** Sides hold to a few pixels; what lines of text add up to may differ by a quarter. */
function expectLike(found: Layout, expected: Layout): void {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, [x, y, width, height]] of Object.entries(expected)) {
    const [foundX, foundY, foundWidth, foundHeight] = found[name]!;
    expect(Math.abs(foundX - x), `${name}: left side`).toBeLessThanOrEqual(4);
    expect(Math.abs(foundWidth - width), `${name}: width`).toBeLessThanOrEqual(20);
    expect(Math.abs(foundY - y), `${name}: top`).toBeLessThanOrEqual(40 + y / 4);
    expect(Math.abs(foundHeight - height), `${name}: height`).toBeLessThanOrEqual(30 + height / 4);
  }
}

describeWithBrowser('the layout', (browser) => {
  const daemon = sampleDaemon();
  const found: Record<string, Layout> = {};
  beforeAll(async () => daemon.start());
  afterAll(async () => {
    await daemon.stop();
    // LAYOUT=write takes what is found as what is wanted: look at the pictures first.
    if (process.env['LAYOUT'] === 'write') writeFileSync(EXPECTED, `${JSON.stringify(found)}\n`);
  });

  describe.each(Object.entries(WIDTHS))('%s', (name, width) => {
    it('has its regions where they were', async () => {
      const viewport = { width, height: 900 };
      const { page, close } = await openPage(browser(), daemon.url, { viewport });
      await expectSeen(page.locator('.readout'), 'allocated');
      found[name] = await layoutOf(page);
      await close();
      const expected = JSON.parse(readFileSync(EXPECTED, 'utf8')) as Record<string, Layout>;
      expectLike(found[name], process.env['LAYOUT'] === 'write' ? found[name] : expected[name]!);
    });
  });
});
