import { FAN_OUT } from '../format/limits.ts';
import type { TryEntry } from '../format/try-record.ts';
import type { FoundEarlier } from '../make/copy-drive.ts';
import { type MapSource, walkMap } from '../map/map-reader.ts';
import { digestsIn } from '../use/point-device.ts';

/** What the map of a point tells of granules. Reads the nodes that it is asked for, each once. */
export class MapDigests implements FoundEarlier {
  readonly #source: MapSource;
  readonly #granules: number;
  #first = 0;
  #digests: (Uint8Array | undefined)[] = [];

  constructor(source: MapSource) {
    this.#source = source;
    this.#granules = Math.ceil(source.drive.size / source.drive.granularity);
  }

  /** @throws BACKUP_CORRUPT */
  async find(granule: number): Promise<TryEntry> {
    const end = this.#first + this.#digests.length;
    if (granule < this.#first || granule >= end) await this.#load(granule);
    return { granule, digest: this.#digests[granule - this.#first] };
  }

  /** From there to the end of its node. */
  async #load(first: number): Promise<void> {
    const end = Math.min(this.#granules, (Math.floor(first / FAN_OUT) + 1) * FAN_OUT);
    const found: (Uint8Array | undefined)[] = [];
    for await (const { count, digests } of walkMap(this.#source, { first, end })) {
      if (digests === undefined) found.push(...Array.from({ length: count }, () => undefined));
      else found.push(...digestsIn(digests));
    }
    this.#first = first;
    this.#digests = found;
  }
}
