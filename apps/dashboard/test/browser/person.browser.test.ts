import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWithBrowser } from '../../../../tools/browser.ts';
import type { MockDaemon } from '../../../../tools/dashboard/mock-daemon.ts';
import { sampleDaemon } from '../../../../tools/dashboard/scene.ts';
import { card, openPage, type OpenPage, expectSeen } from './open-page.ts';

describeWithBrowser('a person at the dashboard', (browser) => {
  let daemon: MockDaemon;
  let open: OpenPage;
  let page: Page;

  beforeEach(async () => {
    daemon = sampleDaemon();
    await daemon.start();
    open = await openPage(browser(), daemon.url);
    page = open.page;
  });
  afterEach(async () => {
    await open.close();
    await daemon.stop();
  });

  it('sees drives, bitmaps, jobs, exports, restore points, and warnings before all else', async () => {
    await expectSeen(page.locator('.notices li').first(), 'Inconsistent bitmap on mail');
    await expectSeen(card(page, 'web-root').getByRole('row', { name: /nightly/ }), /recording/);
    await expectSeen(
      card(page, 'mail').getByRole('row', { name: /weekly/ }),
      /not known.*inconsistent/,
    );
    await expectSeen(
      page.getByRole('region', { name: 'Jobs' }),
      /31 GiB of 48 GiB.*1 min 36 s left/,
    );
    await expectSeen(page.getByRole('region', { name: 'Exports' }), /3\.10 GiB/);
    await expectSeen(
      page.getByRole('region', { name: 'Last restore points' }),
      /bitmap weekly is inconsist/,
    );
    expect(await page.locator('article h3').first().textContent()).toBe('mail');
    await page.getByLabel('Sort').selectOption('most written first');
    await expectSeen(page.locator('article h3').first(), 'db-data');
    await page.getByLabel('Filter').fill('scratch');
    await expect.poll(() => page.locator('article').count()).toBe(1);
  });

  it('zooms to a granule by keys, and sees a write come there', async () => {
    const drive = daemon.drives.get('web-root')!;
    for (const name of drive.bitmaps.keys()) drive.clear(name);
    daemon.push();
    const place = card(page, 'web-root');
    await place.getByRole('slider').focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 20; step++) await page.keyboard.press('+');
    await expectSeen(place.locator('.cell-size'), '32 KiB');
    await expectSeen(place.locator('.readout'), '0 B to 32 KiB (32 KiB), dirty in nightly 0 %');
    drive.write(0, 4096);
    daemon.push();
    await expectSeen(
      place.locator('.readout'),
      /dirty in nightly 100 %, dirty in hourly 100 %.*written now/,
    );
    expect(await place.getByRole('slider').getAttribute('aria-valuetext')).toContain('written now');
    const [red, green, blue] = await place.locator('canvas').evaluate((canvas) => {
      const context = (canvas as HTMLCanvasElement).getContext('2d')!;
      return [...context.getImageData(3, 1, 1, 1).data];
    });
    // Orange: red before green before blue.
    expect(red! > green! + 30 && green! > blue! + 30).toBe(true);
    await page.keyboard.press('0');
    await expectSeen(place.locator('.place'), /64 GiB/);
  });

  it('zooms by wheel once the map was clicked, and moves it by dragging and arrows', async () => {
    const place = card(page, 'db-data');
    const map = place.getByRole('slider');
    const size = place.locator('.cell-size');
    await map.scrollIntoViewIfNeeded();
    const box = (await map.boundingBox())!;
    const whole = await size.textContent();
    await page.mouse.move(box.x + 200, box.y + 40);
    await page.mouse.wheel(0, -100);
    // Not clicked yet: that wheel was the page's.
    expect(await size.textContent()).toBe(whole);
    await map.scrollIntoViewIfNeeded();
    const now = (await map.boundingBox())!;
    await page.mouse.click(now.x + 200, now.y + 40);
    for (let notch = 0; notch < 4; notch++) await page.mouse.wheel(0, -100);
    await expect.poll(() => size.textContent()).not.toBe(whole);
    const start = (): Promise<string | null> => place.locator('.place small').first().textContent();
    const before = await start();
    await page.mouse.move(now.x + 300, now.y + 40);
    await page.mouse.down();
    await page.mouse.move(now.x + 210, now.y + 40, { steps: 4 });
    await page.mouse.up();
    const dragged = await start();
    expect(dragged).not.toBe(before);
    await page.keyboard.press('Shift+ArrowDown');
    expect(await start()).not.toBe(dragged);
  });

  it('reads the map as a table, and zooms from it', async () => {
    const place = card(page, 'mail');
    await place.getByRole('button', { name: 'Table' }).click();
    const rows = place.locator('.heat-table tbody tr');
    await expect.poll(() => rows.count()).toBeGreaterThan(8);
    await expectSeen(rows.first(), /0 B.*not known.*%/);
    await rows.nth(2).getByRole('button').click();
    await expect.poll(() => place.locator('.place small').first().textContent()).not.toBe('0 B');
  });

  it('adds a bitmap, clears it, stops it and removes it, each asked before', async () => {
    const place = card(page, 'scratch');
    const dialog = page.getByRole('dialog');
    await place.getByRole('button', { name: 'Add a bitmap' }).click();
    await dialog.getByLabel('Name').fill('weekly');
    await dialog.getByLabel('Granularity').selectOption('16 KiB');
    await page.keyboard.press('Enter');
    const row = place.getByRole('row', { name: /weekly/ });
    await expectSeen(row, /16 KiB.*recording/);
    await expectSeen(page.getByRole('status'), 'bitmap weekly added on scratch');
    daemon.drives.get('scratch')!.write(0, 1024 * 1024);
    daemon.push();
    await expectSeen(row, '1 MiB');
    await row.getByRole('button', { name: 'Clear' }).click();
    await expectSeen(dialog, /weekly/);
    await page.keyboard.press('Escape');
    await expectSeen(row, '1 MiB');
    await row.getByRole('button', { name: 'Clear' }).click();
    await dialog.getByRole('button', { name: 'Clear the bitmap' }).click();
    await expectSeen(row.locator('td.dirty'), /^0 B/);
    await row.getByRole('button', { name: 'Stop' }).click();
    await dialog.getByRole('button', { name: 'Stop recording' }).click();
    await expectSeen(row, 'off');
    await row.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove the bitmap' }).click();
    await expectSeen(place, 'No bitmap');
    // The button is gone; the drive has the focus, not the begin of the page.
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('drive-scratch');
  });

  it('is told why something was refused, and can go on', async () => {
    const dialog = page.getByRole('dialog');
    await card(page, 'web-root').getByRole('button', { name: 'Add a bitmap' }).click();
    await dialog.getByLabel('Name').fill('nightly');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await expectSeen(dialog.getByRole('alert'), "there is a bitmap 'nightly' already");
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(() => dialog.count()).toBe(0);
  });

  it('cancels a job', async () => {
    const jobs = page.getByRole('region', { name: 'Jobs' });
    await jobs.getByRole('button', { name: 'Cancel job nightly-db' }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await expectSeen(jobs, 'None is running.');
    expect(daemon.requests).toContain('POST jobs/nightly-db/cancel');
  });

  it('has no buttons for changes where they are not allowed', async () => {
    daemon.writable = false;
    daemon.push();
    await expectSeen(page.getByRole('banner'), 'Read-only');
    const changes = /add a bitmap|^clear|^remove|^stop|^record|cancel job/i;
    await expect.poll(() => page.getByRole('button', { name: changes }).count()).toBe(0);
  });
});
