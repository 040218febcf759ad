import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithBrowser } from '../../../../tools/browser.ts';
import { type Daemon, startDaemon, tidemark } from '../../../../tools/programs.ts';
import { tempDir } from '../../../../tools/qemu.ts';
import { card, openPage, expectSeen } from './open-page.ts';
import { writeByNbd } from '../../../../tools/dashboard/write-by-nbd.ts';

const TOKEN = 'a-token-of-this-test';

describeWithBrowser('the dashboard of a real tidemarkd', (browser) => {
  const dir = tempDir();
  let daemon: Daemon;
  let url = '';

  beforeAll(async () => {
    await mkdir(`${dir}/site`);
    await tidemark('img', 'create', '-q', '-f', 'qcow2', `${dir}/vm.qcow2`, '1G');
    await writeFile(`${dir}/token`, TOKEN, { mode: 0o600 });
    await writeFile(
      `${dir}/tidemarkd.yaml`,
      JSON.stringify({
        drives: { vm: { file: `${dir}/vm.qcow2`, format: 'qcow2', bitmaps: { nightly: {} } } },
        nbd: { listen: { unix: `${dir}/nbd.sock` } },
        exports: { vm: { drive: 'vm' } },
        http: { listen: { host: '127.0.0.1', port: 0 }, 'token-file': `${dir}/token` },
      }),
    );
    daemon = await startDaemon('--config', `${dir}/tidemarkd.yaml`);
    const port = /HTTP on \S*?:(\d+)/.exec(daemon.stderr())![1]!;
    url = `http://127.0.0.1:${port}/`;
  });
  afterAll(async () => daemon.stop());

  it('shows a write that came by NBD, down to its granule', async () => {
    const { page, close } = await openPage(browser(), `${url}#token=${TOKEN}`);
    const drive = card(page, 'vm');
    const row = drive.getByRole('row', { name: /nightly/ });
    await expectSeen(row.locator('td.dirty'), /^0 B/);
    await expectSeen(drive.locator('.readout'), 'dirty in nightly 0 %');
    await drive.getByRole('slider').focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 12; step++) await page.keyboard.press('+');
    await expectSeen(drive.locator('.cell-size'), '64 KiB');
    await writeByNbd(`${dir}/nbd.sock`, 'vm', 0, 4096);
    await expectSeen(row.locator('td.dirty'), /^64 KiB/);
    await expectSeen(drive.locator('.readout'), /dirty in nightly 100 %, allocated 100 %, written/);
    await page.keyboard.press('ArrowRight');
    await expectSeen(drive.locator('.readout'), /^64 KiB to 128 KiB .*dirty in nightly 0 %/);
    await close();
  });

  it('adds, clears and removes a bitmap, and is told what is refused', async () => {
    const { page, close } = await openPage(browser(), `${url}#token=${TOKEN}`);
    const drive = card(page, 'vm');
    const dialog = page.getByRole('dialog');
    const add = async (name: string): Promise<void> => {
      await drive.getByRole('button', { name: 'Add a bitmap' }).click();
      await dialog.getByLabel('Name').fill(name);
      await page.keyboard.press('Enter');
    };
    await add('hourly');
    const row = drive.getByRole('row', { name: /hourly/ });
    await expectSeen(row, 'recording');
    await add('hourly');
    await expectSeen(dialog.getByRole('alert'), 'hourly');
    await page.keyboard.press('Escape');
    await writeByNbd(`${dir}/nbd.sock`, 'vm', 1024 * 1024, 65_536);
    await expectSeen(row.locator('td.dirty'), /^64 KiB/);
    await row.getByRole('button', { name: 'Clear' }).click();
    await dialog.getByRole('button', { name: 'Clear the bitmap' }).click();
    await expectSeen(row.locator('td.dirty'), /^0 B/);
    await row.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove the bitmap' }).click();
    await row.waitFor({ state: 'detached' });
    await expectSeen(page.getByRole('status'), 'bitmap hourly removed');
    await close();
  });

  it('shows nothing without the token', async () => {
    const { page, close } = await openPage(browser(), url);
    await page.getByLabel('Token', { exact: true }).waitFor();
    expect(await page.locator('article').count()).toBe(0);
    await close();
  });
});
