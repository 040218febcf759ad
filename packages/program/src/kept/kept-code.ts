import {
  closeSync,
  fdatasyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';

const NEWLINE = 10;
const MOST_USES = 64;
const FNV = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** What V8 has made of one file of a program. */
export interface KeptCode {
  /** Of the program's file. */
  readonly path: string;
  /** Of that file: V8 itself looks at no more than its length. */
  readonly text: Buffer;
  /** What the program was used for when functions were compiled that are in `data`. */
  readonly uses: readonly string[];
  readonly data: Buffer;
}

interface Head {
  readonly path: string;
  readonly uses: readonly string[];
}

/** @returns undefined where nothing is kept of this very text */
export function readKept(folder: string, path: string, text: Buffer): KeptCode | undefined {
  try {
    const bytes = readFileSync(placeOf(folder, path));
    const begin = bytes.indexOf(NEWLINE) + 1;
    const head: Head = JSON.parse(bytes.toString('utf8', 0, begin));
    const isOfThis =
      head.path === path &&
      Array.isArray(head.uses) &&
      text.equals(bytes.subarray(begin, begin + text.length));
    const data = isOfThis ? ofCopies(bytes.subarray(begin + text.length)) : undefined;
    return data && { path, text, uses: head.uses, data };
  } catch {
    return undefined;
  }
}

/** Whether what is kept does for a use: it may lack what others have not called. */
export const coversUses = (kept: readonly string[], uses: readonly string[]): boolean =>
  kept.length >= MOST_USES || uses.every((use) => kept.includes(use));

/** @throws system errors */
export function writeKept(folder: string, { path, uses, text, data }: KeptCode): void {
  const place = placeOf(folder, path);
  const head: Head = { path, uses };
  const own = `${place}.${process.pid}`;
  try {
    const file = openSync(own, 'wx', 0o600);
    try {
      for (const bytes of [Buffer.from(`${JSON.stringify(head)}\n`), text, data, data]) {
        for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      }
      // V8 believes what it is given: it is whole on disk before it has its name (the commit point).
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(own, place);
  } catch (error) {
    rmSync(own, { force: true });
    throw error;
  }
}

/**
 * It lies there twice: V8 runs what it is given, damaged or not, and a hash takes longer than a comparison.
 * @returns undefined where the copies differ
 */
function ofCopies(both: Buffer): Buffer | undefined {
  const middle = both.length / 2;
  const data = both.subarray(0, middle);
  return data.equals(both.subarray(middle)) ? data : undefined;
}

/** Files of one name in other folders have other places, or are told apart by what is written there. */
function placeOf(folder: string, path: string): string {
  let hash = FNV;
  for (let at = 0; at < path.length; at++) {
    hash = Math.imul(hash ^ path.charCodeAt(at), FNV_PRIME) >>> 0;
  }
  return `${folder}/${basename(path)}.${hash.toString(16)}`;
}
