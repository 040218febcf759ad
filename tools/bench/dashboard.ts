// Frame times of the dashboard with twenty drives of 16 TiB under its stream of events: still, while
// it is scrolled, and while a map is zoomed. The daemon is a stand-in, so that only the page is measured.
import type { Page } from 'playwright-core';
import { launchChromium } from '../browser.ts';
import { largeDaemon, work } from '../dashboard/scene.ts';
import { Random } from '../nbd/random.ts';

const SECONDS = 8;

const daemon = largeDaemon();
await daemon.start();
const random = new Random(1);
const timer = setInterval(() => work(daemon, random), 1000);
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  await page.goto(daemon.url);
  await page.locator('.readout', { hasText: 'allocated' }).first().waitFor();
  console.log('frames of the dashboard, ms          median     p95     max   frames');
  report('still', await frames(page, async () => page.waitForTimeout(SECONDS * 1000)));
  report('scrolled up and down', await frames(page, scroll));
  report('a map zoomed in and out', await frames(page, zoom));
} finally {
  clearInterval(timer);
  await browser.close();
  await daemon.stop();
}

/** Time from frame to frame while `act` runs. */
async function frames(page: Page, act: (page: Page) => Promise<void>): Promise<number[]> {
  await page.evaluate(`{
    globalThis.deltas = [];
    let last = performance.now();
    const next = (now) => {
      deltas.push(now - last);
      last = now;
      globalThis.running = requestAnimationFrame(next);
    };
    globalThis.running = requestAnimationFrame(next);
  }`);
  await act(page);
  return page.evaluate<number[]>('cancelAnimationFrame(running), deltas.slice(1)');
}

async function scroll(page: Page): Promise<void> {
  await page.mouse.move(300, 500);
  const end = Date.now() + SECONDS * 1000;
  for (let step = 0; Date.now() < end; step++) {
    await page.mouse.wheel(0, Math.floor(step / 30) % 2 === 0 ? 200 : -200);
    await page.waitForTimeout(30);
  }
}

async function zoom(page: Page): Promise<void> {
  await page.getByRole('slider').first().focus();
  const end = Date.now() + SECONDS * 1000;
  for (let step = 0; Date.now() < end; step++) {
    await page.keyboard.press(Math.floor(step / 12) % 2 === 0 ? '+' : '-');
    await page.waitForTimeout(80);
  }
}

function report(what: string, deltas: readonly number[]): void {
  const sorted = deltas.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
      .toFixed(1)
      .padStart(8);
  console.log(
    `${what.padEnd(34)} ${at(0.5)}${at(0.95)}${at(1)}${String(sorted.length).padStart(9)}`,
  );
}
