import type { BlobIndex } from '../blobs/blob-index.ts';
import type { BlobReader } from '../blobs/blob-reader.ts';
import { corrupt } from '../format/corrupt.ts';
import { fromHex, toHex } from '../format/digest.ts';
import { FAN_OUT } from '../format/limits.ts';
import type { PointManifest } from '../format/manifest.ts';
import { MapNode } from '../format/map-node.ts';
import { childrenOf, type MapShape, shapeOf } from '../format/map-shape.ts';

const NEEDED = 1;
/** What is below it is marked too. */
const VISITED = 2;

/** Which blobs are needed: one byte for each blob of an index. */
export class Marks {
  readonly #index: BlobIndex;
  readonly #reader: BlobReader;
  readonly #marks: Uint8Array;

  constructor(index: BlobIndex, reader: BlobReader) {
    this.#index = index;
    this.#reader = reader;
    this.#marks = new Uint8Array(index.size);
  }

  has(blob: number): boolean {
    return this.#marks[blob] !== 0;
  }

  /** Marks all that a point needs; a node that was visited before costs nothing. @throws BACKUP_CORRUPT */
  async addPoint({ drive, granularity, map }: PointManifest): Promise<void> {
    if (map === null) return;
    const shape = shapeOf({ size: drive.size, granularity });
    await this.#visit(fromHex(map), shape, shape.levels - 1, 0);
  }

  async #visit(digest: Uint8Array, shape: MapShape, level: number, index: number): Promise<void> {
    const blob = this.#mark(digest);
    // Not by NEEDED: the bytes of a node may be the content of a drive as well.
    if ((this.#marks[blob]! & VISITED) !== 0) return;
    const count = childrenOf(shape, level, index);
    const node = MapNode.decode(await this.#reader.read(digest), level, count, toHex(digest));
    for (let child = node.next(0, true); child < count; child = node.next(child + 1, true)) {
      const below = node.get(child)!;
      if (level === 0) this.#mark(below);
      else await this.#visit(below, shape, level - 1, index * FAN_OUT + child);
    }
    this.#marks[blob]! |= VISITED;
  }

  #mark(digest: Uint8Array): number {
    const blob = this.#index.find(digest);
    if (blob < 0) throw corrupt(toHex(digest), 'it is missing');
    this.#marks[blob]! |= NEEDED;
    return blob;
  }
}
