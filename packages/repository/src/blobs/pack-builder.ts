import { toHex } from '../format/digest.ts';
import { MAX_BLOBS_IN_PACK, SALT_SIZE } from '../format/limits.ts';
import {
  encodeTable,
  ENTRY_SIZE,
  PACK_MAGIC,
  PACK_VERSION,
  type PackEntry,
  PackFooter,
  PackHeader,
} from '../format/pack-table.ts';
import { type PackSealer, type Sealer, TABLE_NUMBER } from '../crypt/sealer.ts';

/** How a pack ends, and its table as the index holds it. */
export interface BuiltPack {
  readonly id: string;
  /** What lies behind the blobs. */
  readonly tail: Uint8Array;
  readonly table: Uint8Array;
  readonly entries: readonly PackEntry[];
  /** Bytes of the whole pack. */
  readonly size: number;
}

/** Makes all of a pack but its blobs, which go to the store as they come: behind the header, in order. */
export class PackBuilder {
  /** How the pack begins. */
  readonly header: Uint8Array;
  readonly #sealer: Sealer;
  readonly #salt: Uint8Array;
  readonly #pack: PackSealer;
  readonly #entries: PackEntry[] = [];
  #used: number = PackHeader.size;

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
    const salt = sealer.newSalt();
    this.#salt = salt;
    this.#pack = sealer.forPack(salt);
    const values = { magic: PACK_MAGIC, version: PACK_VERSION, reserved: null, salt };
    this.header = new Uint8Array(PackHeader.size);
    PackHeader.encode(values, this.header);
  }

  /** Of blobs. */
  get count(): number {
    return this.#entries.length;
  }

  /** In a pack of at most `size` bytes, for so many blobs of so many in all, whatever they become. */
  hasRoomFor(length: number, blobs: number, size: number): boolean {
    const count = this.count + blobs;
    if (count > MAX_BLOBS_IN_PACK) return false;
    const seals = (blobs + 1) * this.#sealer.overhead;
    const end = this.#used + length + seals + SALT_SIZE + count * ENTRY_SIZE + PackFooter.size;
    return end <= size;
  }

  /** The bytes of the blob that is added next, as they are stored: maybe the same. */
  seal(bytes: Uint8Array): Uint8Array {
    return this.#pack.seal(this.count, bytes);
  }

  add(about: Omit<PackEntry, 'offset'>): PackEntry {
    const entry = { ...about, offset: this.#used };
    this.#entries.push(entry);
    this.#used += about.storedLength;
    return entry;
  }

  finish(): BuiltPack {
    const table = encodeTable(this.#salt, this.#entries);
    const sealed = this.#pack.seal(TABLE_NUMBER, table);
    const tail = new Uint8Array(sealed.length + PackFooter.size);
    tail.set(sealed);
    const tableLength = sealed.length;
    const values = { count: this.count, tableLength, reserved: null, magic: PACK_MAGIC };
    PackFooter.encode(values, tail, tableLength);
    const id = toHex(this.#sealer.digest(table));
    return { id, tail, table, entries: this.#entries, size: this.#used + tail.length };
  }
}
