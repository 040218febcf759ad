import type { Page } from 'playwright-core';

export const HEADING = 'frames of the dashboard, ms          median     p95     max   frames';

/** Time from frame to frame while `act` runs. */
export async function frames(page: Page, act: (page: Page) => Promise<void>): Promise<number[]> {
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

export async function scroll(page: Page, seconds: number): Promise<void> {
  await page.mouse.move(300, 500);
  const end = Date.now() + seconds * 1000;
  for (let step = 0; Date.now() < end; step++) {
    await page.mouse.wheel(0, Math.floor(step / 30) % 2 === 0 ? 200 : -200);
    await page.waitForTimeout(30);
  }
}

export async function zoom(page: Page, seconds: number): Promise<void> {
  await page.getByRole('slider').first().focus();
  const end = Date.now() + seconds * 1000;
  for (let step = 0; Date.now() < end; step++) {
    await page.keyboard.press(Math.floor(step / 12) % 2 === 0 ? '+' : '-');
    await page.waitForTimeout(80);
  }
}

export function report(what: string, deltas: readonly number[]): void {
  const sorted = deltas.toSorted((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
      .toFixed(1)
      .padStart(8);
  console.log(
    `${what.padEnd(34)} ${at(0.5)}${at(0.95)}${at(1)}${String(sorted.length).padStart(9)}`,
  );
}
