import type { Geometry } from '../geometry.ts';
import type { Allocator } from './allocator.ts';

/**
 * Room for compressed clusters, which lie byte by byte behind each other and share host clusters: each
 * counts as one reference of every host cluster that it touches. Used by one task at a time.
 */
export class PackedSpace {
  readonly #allocator: Allocator;
  readonly #geometry: Geometry;
  /** Host offset of the first free byte of a cluster that was begun; 0: none is. */
  #next = 0;

  constructor(allocator: Allocator, geometry: Geometry) {
    this.#allocator = allocator;
    this.#geometry = geometry;
  }

  /** @returns the host offset of so many bytes, less than a cluster. @throws NO_SPACE, IMAGE_CORRUPT */
  async allocate(length: number): Promise<number> {
    const { clusterSize } = this.#geometry;
    const begun = this.#next - (this.#next % clusterSize);
    const left = this.#next === 0 ? 0 : begun + clusterSize - this.#next;
    let at = this.#next;
    if (length > left) {
      const added = await this.#allocator.allocate(1);
      // It goes on from the one before only where it lies right behind that.
      const isBehind = left > 0 && added === begun + clusterSize;
      if (!isBehind || !(await this.#allocator.retain(begun))) at = added;
    } else if (!(await this.#allocator.retain(begun))) {
      // No more references can be counted.
      at = await this.#allocator.allocate(1);
    }
    const end = at + length;
    this.#next = end % clusterSize === 0 ? 0 : end;
    return at;
  }

  /** A cluster was given back: what is left of it is not ours any more. */
  forget(cluster: number): void {
    const { clusterSize } = this.#geometry;
    if (this.#next - (this.#next % clusterSize) === cluster) this.#next = 0;
  }
}
