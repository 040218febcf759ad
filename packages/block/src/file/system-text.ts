import { readFileSync } from 'node:fs';

/**
 * What the kernel tells in a file of /proc or /sys; undefined where there is none, or it may not be
 * read. At once: nothing there waits for a disk.
 */
export function systemText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
