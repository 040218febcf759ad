import type { BitmapStore } from '@tidemark/core';
import { GRANULE } from './drives.ts';
import { dirtyOf } from './faulty-disk.ts';
import { withoutTransient } from './naive-drive.ts';
import type { Moment } from './session.ts';

/**
 * What is wrong with a store that is found between two moments. A bitmap may be missing or
 * inconsistent; one that is called clean has to be complete, and may not record.
 */
export async function staleIn(
  store: BitmapStore,
  moments: readonly Moment[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const worlds = moments.flatMap((moment) => moment.worlds);
  const isOpen = moments.every((moment) => moment.isOpen);
  for (const { name, state } of await store.list()) {
    if (state !== 'stored') continue;
    const known = worlds.flatMap((world) => world.get(name) ?? []);
    const content = new Set(dirtyOf(await store.load(name)).map((offset) => offset / GRANULE));
    const isComplete = known.some(({ must }) => [...must].every((granule) => content.has(granule)));
    if (!isComplete) problems.push(`${name} misses a write: ${[...content].join(' ')}`);
    const records = known.length === worlds.length && known.every(({ enabled }) => enabled);
    if (isOpen && records) problems.push(`${name} records and is called clean`);
  }
  return problems;
}

/**
 * What is wrong with the store of live bitmaps that is found between two moments: each has to be
 * there, sound and complete, as one of the moments has it.
 */
export async function lostIn(
  store: BitmapStore,
  moments: readonly Moment[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const worlds = moments.flatMap((moment) => moment.worlds.map(withoutTransient));
  const missing = new Set(
    [...worlds[0]!.keys()].filter((name) => worlds.every((it) => it.has(name))),
  );
  for (const { name, state, enabled } of await store.list()) {
    missing.delete(name);
    const known = worlds.flatMap((world) => world.get(name) ?? []);
    if (state !== 'stored') {
      problems.push(`${name} is ${state}`);
      continue;
    }
    const content = new Set(dirtyOf(await store.load(name)).map((offset) => offset / GRANULE));
    const isComplete = known.some(
      (wanted) =>
        wanted.enabled === enabled && [...wanted.must].every((granule) => content.has(granule)),
    );
    if (!isComplete) problems.push(`${name} misses a write: ${[...content].join(' ')}`);
  }
  for (const name of missing) problems.push(`${name} is missing`);
  return problems;
}

/** What is wrong with stores that were closed well: they hold this, no more and no less. */
export async function wrongAfterClose(
  stores: readonly BitmapStore[],
  { worlds: [world] }: Moment,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const missing = new Set(world!.keys());
  for (const store of stores) {
    for (const { name, state, enabled } of await store.list()) {
      const wanted = world!.get(name);
      missing.delete(name);
      if (wanted === undefined || state !== 'stored' || wanted.enabled !== enabled) {
        problems.push(`${name} is ${state}, enabled ${enabled}, wanted ${wanted?.enabled}`);
        continue;
      }
      const content = dirtyOf(await store.load(name)).map((offset) => offset / GRANULE);
      const lost = [...wanted.must].filter((granule) => !content.includes(granule));
      const extra = content.filter((granule) => !wanted.may.has(granule));
      if (lost.length + extra.length === 0) continue;
      problems.push(`${name} misses ${lost.join(' ')}, has in excess ${extra.join(' ')}`);
    }
  }
  for (const name of missing) problems.push(`${name} is missing`);
  return problems;
}
