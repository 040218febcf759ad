// pnpm pictures: what docs/dashboard.md shows, of the sample host. Looks at what is built.
import { mkdir } from 'node:fs/promises';
import { launchChromium } from '../browser.ts';
import type { Page } from 'playwright-core';
import { Random } from '../nbd/random.ts';
import type { MockDaemon } from './mock-daemon.ts';
import { sampleDaemon } from './scene.ts';

const [folder = 'docs/pictures'] = process.argv.slice(2);
const SHOTS = [
  { name: 'dashboard', width: 1360, height: 860, dark: false },
  { name: 'dashboard-phone', width: 390, height: 844, dark: true },
] as const;

await mkdir(folder, { recursive: true });
const daemon = sampleDaemon();
await daemon.start();
const browser = await launchChromium();
try {
  for (const { name, width, height, dark } of SHOTS) {
    const page = await browser.newPage({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
    });
    page.on('console', (message) => console.error(message.text()));
    await page.clock.install();
    await page.goto(daemon.url);
    await page.locator('.readout', { hasText: 'allocated' }).first().waitFor();
    await passMinute(daemon, page);
    await page.screenshot({ path: `${folder}/${name}.png` });
    await page.close();
  }
} finally {
  await browser.close();
  await daemon.stop();
}

/** A minute of rates that go up and down, in the page's own time. */
async function passMinute(daemon: MockDaemon, page: Page): Promise<void> {
  const random = new Random(3);
  const rates = [...daemon.drives.values()].map((drive) => [drive, drive.bytesPerSecond] as const);
  for (let second = 0; second < 60; second++) {
    for (const [drive, rate] of rates) {
      drive.bytesPerSecond = rate * (0.7 + 0.3 * Math.sin(second / 7) + 0.25 * random.next());
    }
    daemon.push();
    await page.clock.runFor(1000);
  }
}
