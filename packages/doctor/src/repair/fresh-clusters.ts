import { TidemarkError } from '@tidemark/core';
import { MAX_BEYOND, type References } from '../count/references.ts';

/**
 * New clusters behind the end of the file, where nothing can be overwritten. Those that a broken
 * entry points to are left alone: what is put there would become a guest's data.
 */
export class FreshClusters {
  /** The first that was given, and the one behind the last. */
  readonly start: number;
  end: number;
  readonly #beyond: ReadonlySet<number>;

  constructor({ clusters, beyond }: Pick<References, 'clusters' | 'beyond'>) {
    this.start = clusters;
    this.end = clusters;
    this.#beyond = beyond;
  }

  /** The first of `count` neighbouring clusters that would be taken next. @throws IMAGE_CORRUPT */
  next(count: number): number {
    if (this.#beyond.size >= MAX_BEYOND) {
      throw new TidemarkError(
        'IMAGE_CORRUPT',
        'too many entries point behind the end of the file for anything to be put there',
        { hint: 'restore the image from a backup' },
      );
    }
    let first = this.end;
    for (let cluster = first; cluster < first + count; cluster++) {
      if (this.#beyond.has(cluster)) first = cluster + 1;
    }
    return first;
  }

  take(count: number): number {
    const first = this.next(count);
    this.end = first + count;
    return first;
  }
}
