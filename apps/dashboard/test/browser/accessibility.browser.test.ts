import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { axeFindings, LOOKS } from '../../../../tools/accessibility.ts';
import { describeWithBrowser } from '../../../../tools/browser.ts';
import type { MockDaemon } from '../../../../tools/dashboard/mock-daemon.ts';
import { sampleDaemon } from '../../../../tools/dashboard/scene.ts';
import { card, openPage, expectSeen } from './open-page.ts';

describeWithBrowser('accessibility', (browser) => {
  let daemon: MockDaemon;
  beforeEach(async () => {
    daemon = sampleDaemon();
    await daemon.start();
  });
  afterEach(async () => daemon.stop());

  describe.each(Object.entries(LOOKS))('%s', (_, options) => {
    it('has no finding on the overview, its table and its dialogs', async () => {
      const { page, close } = await openPage(browser(), daemon.url, options);
      await expectSeen(page.locator('.readout'), 'allocated');
      await card(page, 'mail').getByRole('button', { name: 'Table' }).click();
      await page.locator('.heat-table').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await card(page, 'mail').getByRole('button', { name: 'Add a bitmap' }).click();
      expect(await axeFindings(page, 'dialog')).toEqual([]);
      await page.keyboard.press('Escape');
      await card(page, 'mail').getByRole('button', { name: 'Remove bitmap nightly' }).click();
      expect(await axeFindings(page, 'dialog')).toEqual([]);
      await page.keyboard.press('Escape');
      await close();
    });

    it('has no finding where the daemon is gone, or wants a token', async () => {
      const { page, close } = await openPage(browser(), daemon.url, options);
      await card(page, 'mail').waitFor();
      daemon.token = 'secret';
      await daemon.stop();
      await expectSeen(page.getByRole('region', { name: 'Connection' }), 'Not connected');
      expect(await axeFindings(page)).toEqual([]);
      await daemon.start();
      // It comes back by itself as well, perhaps just now.
      const retry = page.getByRole('button', { name: 'Try now' });
      await retry.click({ timeout: 1000 }).catch(() => {});
      await page.getByLabel('Token', { exact: true }).fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await close();
    });

    it('fits its width', async () => {
      const { page, close } = await openPage(browser(), daemon.url, options);
      await expectSeen(page.locator('.readout'), 'allocated');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      await close();
    });
  });

  it('shows where the focus is, on each stop of the Tab key', async () => {
    const { page, close } = await openPage(browser(), daemon.url);
    await expectSeen(page.locator('.readout'), 'allocated');
    const unmarked: string[] = [];
    const stops = new Set<string>();
    for (let stop = 0; stop < 40; stop++) {
      await page.keyboard.press('Tab');
      const { name, outline } = await page.evaluate(() => {
        const element = document.activeElement!;
        const style = getComputedStyle(element);
        return { name: element.outerHTML.slice(0, 90), outline: style.outlineStyle };
      });
      stops.add(name);
      if (outline === 'none') unmarked.push(name);
    }
    expect(unmarked).toEqual([]);
    expect(stops.size).toBeGreaterThan(20);
    await close();
  });

  it('has the theme that was chosen, also after the page was loaded anew', async () => {
    const { page, close } = await openPage(browser(), daemon.url, { colorScheme: 'light' });
    const back = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await back();
    await page.getByLabel('Theme').selectOption('Dark');
    const dark = await back();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await back()).toBe(dark);
    await close();
  });
});
