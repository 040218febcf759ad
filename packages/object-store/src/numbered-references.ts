import { isTidemarkError } from '@tidemark/core';
import type { ObjectStore, Reference, StoredObject } from './object-store.ts';

/** Old states that stay, so that a writer who was away finds its own to be old. */
const KEPT_STATES = 16;

type Objects = Pick<ObjectStore, 'delete' | 'get' | 'list' | 'putIfAbsent'>;

/**
 * References made of objects: their states have ascending numbers for names, and the highest one
 * counts. A swap puts the next number, which only one writer can. So a store needs no more than to
 * put what is absent, nothing is ever written over, and no lock is there for a crash to leave behind.
 */
export abstract class NumberedReferences implements Objects {
  abstract delete(key: string): Promise<void>;
  abstract get(...args: Parameters<ObjectStore['get']>): Promise<Uint8Array>;
  abstract list(prefix: string): AsyncIterable<StoredObject>;
  abstract putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;

  /** As `ObjectStore.readReference`. */
  async readReference(name: string): Promise<Reference | undefined> {
    return readNumbered(this, name);
  }

  /** As `ObjectStore.swapReference`. */
  async swapReference(
    name: string,
    expected: string | undefined,
    bytes: Uint8Array,
  ): Promise<string | undefined> {
    return swapNumbered(this, name, expected, bytes);
  }
}

async function readNumbered(objects: Objects, name: string): Promise<Reference | undefined> {
  for (;;) {
    const newest = (await statesOf(objects, name)).at(-1);
    if (newest === undefined) return undefined;
    try {
      return { bytes: await objects.get(keyOf(name, newest)), version: String(newest) };
    } catch (error) {
      // Newer ones have come, and this one gone, since they were listed.
      const isGone = isTidemarkError(error, 'FILE_NOT_FOUND');
      if (!isGone || (await statesOf(objects, name)).at(-1) === newest) throw error;
    }
  }
}

async function swapNumbered(
  objects: Objects,
  name: string,
  expected: string | undefined,
  bytes: Uint8Array,
): Promise<string | undefined> {
  const before = Number(expected ?? 0);
  if (((await statesOf(objects, name)).at(-1) ?? 0) !== before) return undefined;
  const number = before + 1;
  if (!(await objects.putIfAbsent(keyOf(name, number), bytes))) return undefined;
  // A writer who was away for long may have taken a number that was free again.
  const states = await statesOf(objects, name);
  if (states.at(-1) !== number) return undefined;
  for (const old of states) {
    if (old <= number - KEPT_STATES) await objects.delete(keyOf(name, old));
  }
  return String(number);
}

function keyOf(name: string, number: number): string {
  return `${name}/${String(number).padStart(15, '0')}`;
}

/** Ascending. */
async function statesOf(objects: Objects, name: string): Promise<readonly number[]> {
  const numbers: number[] = [];
  for await (const { key } of objects.list(`${name}/`)) {
    const digits = key.slice(name.length + 1);
    if (/^\d{15}$/.test(digits)) numbers.push(Number(digits));
  }
  return numbers.toSorted((a, b) => a - b);
}
