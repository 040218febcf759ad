/** Milliseconds to wait after so many failures: from half a second to 15 s, spread by a fifth. */
export function nextDelay(failures: number, random: () => number = Math.random): number {
  const base = Math.min(500 * 2 ** Math.min(failures, 10), 15_000);
  return Math.round(base * (0.9 + 0.2 * random()));
}
