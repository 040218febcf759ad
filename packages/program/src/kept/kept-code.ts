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
/** V8 copies what does not begin at a multiple of it. */
const ALIGNMENT = 8;
/** Words of 32 bits that are looked at, and those from one to the next at most: two in a sector. */
const SAMPLES = 2048;
const MAX_STEP = 64;
const FNV = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const { imul } = Math;

/** A file of a program: CommonJS, without dynamic imports. */
export interface ProgramFile {
  readonly text: Buffer;
  /** Another one where the text may be another one: V8 itself looks at no more than its length. */
  readonly stamp: string;
}

/** What V8 has made of one file of a program. */
export interface KeptCode {
  /** Of the program's file. */
  readonly path: string;
  readonly file: ProgramFile;
  /** What the program was used for when functions were compiled that are in `data`. */
  readonly uses: readonly string[];
  readonly data: Buffer;
}

interface Head {
  readonly path: string;
  readonly stamp: string;
  readonly uses: readonly string[];
  /** Of the text, and of `data`. */
  readonly sums: readonly [string, string];
}

/** @returns undefined where nothing is kept of this very file */
export function readKept(folder: string, path: string, file: ProgramFile): KeptCode | undefined {
  try {
    const bytes = readFileSync(placeOf(folder, path));
    const begin = bytes.indexOf(NEWLINE) + 1;
    const head: Head = JSON.parse(bytes.toString('utf8', 0, begin));
    const { uses, sums } = head;
    const isOfThis = head.path === path && head.stamp === file.stamp && Array.isArray(uses);
    if (!isOfThis || sums[0] !== sumOf(file.text)) return undefined;
    const data = bytes.subarray(begin);
    return sums[1] === sumOf(data) ? { path, file, uses, data } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether what is kept does for a use: it may lack what others have not called. */
export const coversUses = (kept: readonly string[], uses: readonly string[]): boolean =>
  kept.length >= MOST_USES || uses.every((use) => kept.includes(use));

/** @throws system errors */
export function writeKept(folder: string, { path, uses, file, data }: KeptCode): void {
  const place = placeOf(folder, path);
  const sums = [sumOf(file.text), sumOf(data)] as const;
  const head: Head = { path, stamp: file.stamp, uses, sums };
  const line = JSON.stringify(head);
  const length = Buffer.byteLength(line) + 1;
  const padding = ' '.repeat((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
  const own = `${place}.${process.pid}`;
  try {
    const descriptor = openSync(own, 'wx', 0o600);
    try {
      for (const bytes of [Buffer.from(`${line}${padding}\n`), data]) {
        for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      }
      // V8 believes what it is given: it is whole on disk before it has its name (the commit point).
      fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(own, place);
  } catch (error) {
    rmSync(own, { force: true });
    throw error;
  }
}

/**
 * Of some words, and the length: V8 runs what it is given, so what lies on a damaged sector must not be.
 * All of it would take a millisecond and more, in a function that has just been compiled.
 */
function sumOf({ buffer, byteOffset, length }: Uint8Array): string {
  const words = new Int32Array(
    buffer,
    byteOffset,
    Math.floor(length / Int32Array.BYTES_PER_ELEMENT),
  );
  return hashOf(words, Math.min(MAX_STEP, Math.ceil(words.length / SAMPLES)), length);
}

/** Files of one name in other folders have other places, or are told apart by what is written there. */
const placeOf = (folder: string, path: string): string =>
  `${folder}/${basename(path)}.${hashOf(Buffer.from(path), 1, path.length)}`;

/** FNV-1a, of the length and of each number that is `step` behind the last one. */
function hashOf(numbers: ArrayLike<number>, step: number, length: number): string {
  let hash = FNV ^ length;
  for (let at = 0; at < numbers.length; at += step) {
    hash = imul(hash ^ numbers[at]!, FNV_PRIME);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
