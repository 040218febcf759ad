import { corrupt } from './corrupt.ts';
import { DIGEST_SIZE, FAN_OUT } from './limits.ts';

/** "TMAP" */
const MAGIC = 0x544d_4150;
const VERSION = 1;
const HEADER_SIZE = 8;

/**
 * A node of a map: the digests of its children, which are granules on level 0 and nodes above.
 * A child that is absent is zeros, all of it.
 */
export class MapNode {
  readonly level: number;
  /** Children, absent ones too. */
  readonly count: number;
  readonly #digests: Uint8Array;
  readonly #present: Uint8Array;
  #known = 0;

  constructor(level: number, count: number) {
    this.level = level;
    this.count = count;
    this.#digests = new Uint8Array(count * DIGEST_SIZE);
    this.#present = new Uint8Array(count);
  }

  /** Whether all of it is zeros. Such a node is never stored. */
  get isEmpty(): boolean {
    return this.#known === 0;
  }

  /** Undefined: zeros. The bytes are good until the child changes. */
  get(child: number): Uint8Array | undefined {
    if (this.#present[child] !== 1) return undefined;
    return this.#digests.subarray(child * DIGEST_SIZE, (child + 1) * DIGEST_SIZE);
  }

  /** @returns whether that was a change */
  set(child: number, digest: Uint8Array | undefined): boolean {
    const before = this.get(child);
    if (digest === undefined) {
      if (before === undefined) return false;
      this.#present[child] = 0;
      this.#known -= 1;
      return true;
    }
    if (before !== undefined && Buffer.compare(before, digest) === 0) return false;
    this.#digests.set(digest, child * DIGEST_SIZE);
    if (before === undefined) this.#known += 1;
    this.#present[child] = 1;
    return true;
  }

  /** The first child from `from` that is absent, or is not; `count` where there is none. */
  next(from: number, present: boolean): number {
    const found = this.#present.indexOf(present ? 1 : 0, from);
    return found < 0 ? this.count : found;
  }

  /** docs/repository-format.md, "Map": the same children are the same bytes. */
  encode(): Uint8Array {
    const mapSize = Math.ceil(this.count / 8);
    const bytes = new Uint8Array(HEADER_SIZE + mapSize + this.#known * DIGEST_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC);
    view.setUint8(4, VERSION);
    view.setUint8(5, this.level);
    view.setUint16(6, this.count);
    let at = HEADER_SIZE + mapSize;
    for (let child = this.next(0, true); child < this.count; child = this.next(child + 1, true)) {
      bytes[HEADER_SIZE + (child >> 3)]! |= 1 << (child & 7);
      bytes.set(this.get(child)!, at);
      at += DIGEST_SIZE;
    }
    return bytes;
  }

  /** `level` and `count`: what it has to be by its place. @throws BACKUP_CORRUPT */
  static decode(bytes: Uint8Array, level: number, count: number, where: string): MapNode {
    const mapSize = Math.ceil(count / 8);
    if (count < 1 || count > FAN_OUT || bytes.length < HEADER_SIZE + mapSize) {
      throw corrupt(where, 'it is too short for a node of a map');
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isNode = view.getUint32(0) === MAGIC && view.getUint8(4) === VERSION;
    if (!isNode || view.getUint8(5) !== level || view.getUint16(6) !== count) {
      throw corrupt(where, `it is no node of level ${level} with ${count} children`);
    }
    const node = new MapNode(level, count);
    let at = HEADER_SIZE + mapSize;
    for (let child = 0; child < mapSize * 8; child++) {
      if (((bytes[HEADER_SIZE + (child >> 3)]! >> (child & 7)) & 1) === 0) continue;
      if (child >= count || at + DIGEST_SIZE > bytes.length) {
        throw corrupt(where, 'it names children that are not there');
      }
      node.set(child, bytes.subarray(at, at + DIGEST_SIZE));
      at += DIGEST_SIZE;
    }
    if (at !== bytes.length || node.isEmpty) throw corrupt(where, 'its length is wrong');
    return node;
  }
}
