import type { ImageMetadata } from '../image-metadata.ts';

interface Allocation {
  readonly offset: number;
  readonly clusterCount: number;
}

/** Clusters that a change has taken, to be given back if it does not come to its commit point. */
export class NewClusters {
  readonly #image: ImageMetadata;
  readonly #taken: Allocation[] = [];

  constructor(image: ImageMetadata) {
    this.#image = image;
  }

  /** Host offset of contiguous clusters. @throws NO_SPACE */
  async allocate(clusterCount: number): Promise<number> {
    const offset = await this.#image.allocate(clusterCount);
    this.#taken.push({ offset, clusterCount });
    return offset;
  }

  /** Best effort: nothing points to them, so what cannot be given back is a leak at worst. */
  async abandon(): Promise<void> {
    for (const { offset, clusterCount } of this.#taken.splice(0)) {
      try {
        await this.#image.free(offset, clusterCount);
      } catch {
        return;
      }
    }
  }
}
