import { launchChromium } from '../../browser.ts';
import { largeDaemon, work } from '../../dashboard/scene.ts';
import { Random } from '../../nbd/random.ts';
import { frames, HEADING, report, scroll, zoom } from './frames.ts';

const SECONDS = 8;

/**
 * Frame times with twenty drives of 16 TiB under a stream of events: still, while the page is
 * scrolled, and while a map is zoomed. The daemon is a stand-in, so that only the page is measured.
 */
export async function measurePage(): Promise<void> {
  const daemon = largeDaemon();
  await daemon.start();
  const random = new Random(1);
  const timer = setInterval(() => work(daemon, random), 1000);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
    await page.goto(daemon.url);
    await page.locator('.readout', { hasText: 'allocated' }).first().waitFor();
    console.log(`${HEADING} (a stand-in for the daemon)`);
    report('still', await frames(page, async () => page.waitForTimeout(SECONDS * 1000)));
    report('scrolled up and down', await frames(page, (one) => scroll(one, SECONDS)));
    report('a map zoomed in and out', await frames(page, (one) => zoom(one, SECONDS)));
  } finally {
    clearInterval(timer);
    await browser.close();
    await daemon.stop();
  }
}
