import type { Picture } from './claims.ts';

/** What is owed to the user of a bitmap that has begun at a checkpoint. */
interface Epoch {
  readonly since: Picture;
  /** Granules that have to be dirty whatever the disk holds. */
  readonly must: ReadonlySet<number>;
}

/** The checkpoints of one drive. */
export class Epochs {
  readonly #known: Map<string, Epoch>;

  constructor(known: ReadonlyMap<string, Epoch> = new Map()) {
    this.#known = new Map(known);
  }

  /** As they are now, whatever begins later. */
  now(): Epochs {
    return new Epochs(this.#known);
  }

  begin(checkpoint: string, picture: Picture, must: ReadonlySet<number>): void {
    this.#known.set(checkpoint, { since: new Map(picture), must: new Set(must) });
  }

  /** Granules that have changed since and are not dirty; undefined: there is no such checkpoint. */
  stale(
    checkpoint: string,
    picture: Picture,
    isDirty: (granule: number) => boolean,
  ): readonly number[] | undefined {
    const epoch = this.#known.get(checkpoint);
    if (epoch === undefined) return undefined;
    const changed = [...picture].filter(([at, value]) => value !== (epoch.since.get(at) ?? 0));
    const owed = new Set([...epoch.must, ...changed.map(([granule]) => granule)]);
    return [...owed].filter((granule) => !isDirty(granule));
  }
}
