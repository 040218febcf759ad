import { setTimeout } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../browser.ts';
import { cpuSeconds } from '../nbd/process-cost.ts';
import { median } from '../passes.ts';
import { frames, HEADING, report, scroll, zoom } from './frames.ts';
import { type Host, startHost } from './host.ts';

const SECONDS = 5;
const ROUNDS = 3;
const RATES = [0, 50_000];

interface Window {
  /** Share of one processor that the daemon took. */
  readonly cpu: number;
  /** Writes in a second. */
  readonly rate: number;
}

/** Frame times and the daemon's processor, with the page open and without in turn. */
export async function measureHost(folder: string): Promise<void> {
  await using host = await startHost(folder);
  const browser = await launchChromium();
  try {
    for (const rate of RATES) await measureAt(rate, host, browser);
  } finally {
    await browser.close();
  }
}

async function measureAt(rate: number, host: Host, browser: Browser): Promise<void> {
  const load = rate === 0 ? undefined : host.write(rate);
  // What has to be allocated and marked is, once.
  if (load !== undefined) await setTimeout(6000);
  const pairs: { readonly without: Window; readonly with: Window }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const without = await observe(host, () => setTimeout(SECONDS * 1000));
    pairs.push({ without, with: await withPage(host, browser) });
  }
  console.log(`\n${HEADING} (tidemarkd, ${rate} writes/s asked for)`);
  await withPage(host, browser, true);
  await load?.stop();
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const told = (window: 'with' | 'without') =>
    `${percent(median(pairs.map((pair) => pair[window].cpu)))} of a processor at ` +
    `${Math.round(median(pairs.map((pair) => pair[window].rate)))} writes/s`;
  console.log(
    `daemon: ${told('without')} without the page, ${told('with')} with it; ` +
      `the page itself ${percent(median(pairs.map(costOfPage)))}`,
  );
}

/** Where the page slows the writers down, they cost less: what remains is the page's own. */
function costOfPage(pair: Readonly<Record<'with' | 'without', Window>>): number {
  const { with: open, without } = pair;
  const writes = without.rate === 0 ? 1 : open.rate / without.rate;
  return open.cpu - without.cpu * writes;
}

async function withPage(host: Host, browser: Browser, isTold = false): Promise<Window> {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  try {
    await page.goto(host.url);
    await page.locator('.readout', { hasText: 'allocated' }).first().waitFor();
    if (!isTold) return await observe(host, () => setTimeout(SECONDS * 1000));
    report('still', await frames(page, () => page.waitForTimeout(SECONDS * 1000)));
    report('scrolled up and down', await frames(page, (one) => scroll(one, SECONDS)));
    report('a map zoomed in and out', await frames(page, (one) => zoom(one, SECONDS)));
    return { cpu: 0, rate: 0 };
  } finally {
    await page.close();
  }
}

async function observe(host: Host, act: () => Promise<unknown>): Promise<Window> {
  const cpu = cpuSeconds(host.pid);
  const writes = await host.writes();
  const began = performance.now();
  await act();
  const seconds = (performance.now() - began) / 1000;
  return {
    cpu: (cpuSeconds(host.pid) - cpu) / seconds,
    rate: ((await host.writes()) - writes) / seconds,
  };
}
