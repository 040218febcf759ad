import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** random(4). node:crypto gives the same, and takes longer to load than a bitmap takes to change. */
const SOURCE = '/dev/urandom';
const BYTES = 16;

/** 16 bytes that nobody else has. */
export function randomId(): Uint8Array {
  const id = new Uint8Array(BYTES);
  return fill(id) ? id : randomBytes(BYTES);
}

function fill(id: Uint8Array): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const fd = openSync(SOURCE, 'r');
    try {
      return readSync(fd, id) === id.length;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}
