import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWithBrowser } from '../../../../tools/browser.ts';
import type { MockDaemon } from '../../../../tools/dashboard/mock-daemon.ts';
import { largeDaemon, sampleDaemon } from '../../../../tools/dashboard/scene.ts';
import { card, openPage, expectSeen } from './open-page.ts';

describeWithBrowser('the dashboard and its daemon', (browser) => {
  let daemon: MockDaemon;

  beforeEach(async () => {
    daemon = sampleDaemon();
    await daemon.start();
  });
  afterEach(async () => daemon.stop());

  it('asks for a token, refuses a wrong one, keeps the right one for the tab only', async () => {
    daemon.token = 'the right one';
    const { page, close } = await openPage(browser(), daemon.url);
    const token = page.getByLabel('Token', { exact: true });
    await token.fill('another');
    await page.keyboard.press('Enter');
    await expectSeen(page.getByRole('alert'), 'a token is needed that this service knows');
    await token.fill('the right one');
    await page.getByRole('button', { name: 'Connect' }).click();
    await card(page, 'mail').waitFor();
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await page.reload();
    await card(page, 'mail').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await token.waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    expect(await page.locator('article').count()).toBe(0);
    await close();
  });

  it('takes a token from the address, and out of it', async () => {
    daemon.token = 'a/b+c';
    const { page, close } = await openPage(browser(), `${daemon.url}#token=a%2Fb%2Bc`);
    await card(page, 'mail').waitFor();
    expect(page.url()).toBe(daemon.url);
    await close();
  });

  it('says loudly that the daemon has gone, and is back by itself', async () => {
    const { page, close } = await openPage(browser(), daemon.url);
    await card(page, 'mail').waitFor();
    await daemon.stop();
    const banner = page.getByRole('region', { name: 'Connection' });
    await expectSeen(banner, /Not connected.*What is shown is how it was then/);
    await expectSeen(page.getByRole('status'), 'not connected');
    expect(await page.locator('main').getAttribute('class')).toBe('stale');
    // Nothing can be changed on what may not be there.
    expect(await page.getByRole('button', { name: 'Add a bitmap' }).count()).toBe(0);
    expect(await page.locator('article').count()).toBe(4);
    daemon.drives.delete('mail');
    await daemon.start();
    await banner.waitFor({ state: 'detached' });
    await card(page, 'mail').waitFor({ state: 'detached' });
    expect(await page.locator('article').count()).toBe(3);
    await close();
  });

  it('asks for maps only of drives in sight', async () => {
    await daemon.stop();
    daemon = largeDaemon();
    await daemon.start();
    const { page, close } = await openPage(browser(), daemon.url);
    const last = card(page, 'drive-20');
    await expectSeen(card(page, 'drive-01').locator('.readout'), 'allocated');
    const asked = (): Set<string> =>
      new Set(daemon.requests.flatMap((one) => /drives\/([^/]+)\/map/.exec(one)?.[1] ?? []));
    expect(asked().size).toBeLessThan(8);
    expect(asked()).not.toContain('drive-20');
    await last.scrollIntoViewIfNeeded();
    await expectSeen(last.locator('.readout'), 'allocated');
    await close();
  });
});
