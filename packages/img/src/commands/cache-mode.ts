import { ImgFailure } from '../failure.ts';

const MODES = new Set(['none', 'off', 'writeback', 'writethrough', 'directsync', 'unsafe']);

/**
 * How qemu-img uses the system's cache. Here it makes no difference: reads go through it, and what
 * was written is durable at the end. @throws USAGE
 */
export function checkCacheMode(mode: string, what: 'cache' | 'source cache', exitCode = 1): void {
  if (MODES.has(mode)) return;
  throw new ImgFailure(`Invalid ${what} option: ${mode}`, { exitCode });
}
