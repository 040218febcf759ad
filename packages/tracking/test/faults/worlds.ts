import {
  type Claims,
  claimsAfter,
  type ExplorerAction,
  type FoundBitmap,
  type Instant,
  type Picture,
} from '../explorer/claims.ts';

/** What may be owed: more than one where a change failed, and either may have come of it. */
export class Worlds {
  #worlds: readonly Claims[] = [new Map()];

  made(actions: readonly ExplorerAction[], instant: Instant): void {
    this.#worlds = this.#after(actions, instant);
  }

  failed(actions: readonly ExplorerAction[], instant: Instant): void {
    this.#worlds = [...this.#worlds, ...this.#after(actions, instant)];
  }

  /** Bitmaps that call something clean that each of the worlds has to call dirty. */
  stale(found: ReadonlyMap<string, FoundBitmap>, picture: Picture): readonly string[] {
    const stale: string[] = [];
    for (const [name, bitmap] of found) {
      if (bitmap.state !== 'stored') continue;
      const known = this.#worlds.filter((world) => world.has(name));
      if (!known.some((world) => covers(bitmap, world.get(name)!, picture))) {
        stale.push(`${name} is stale`);
      }
    }
    return stale;
  }

  #after(actions: readonly ExplorerAction[], instant: Instant): readonly Claims[] {
    return this.#worlds.flatMap((world) => {
      try {
        return [claimsAfter(world, actions, instant)];
      } catch {
        // It would have been refused there.
        return [];
      }
    });
  }
}

type Claim = Claims extends ReadonlyMap<string, infer T> ? T : never;

function covers(bitmap: FoundBitmap, { enabled, since, must }: Claim, picture: Picture): boolean {
  for (const granule of must) if (!bitmap.isDirty(granule)) return false;
  if (!enabled) return true;
  for (const [granule, value] of picture) {
    if (value !== (since.get(granule) ?? 0) && !bitmap.isDirty(granule)) return false;
  }
  return true;
}
