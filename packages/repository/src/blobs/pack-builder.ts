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
import type { EncodedBlob } from './encode-blob.ts';

/** A pack as it is stored, and its table as the index holds it. */
export interface BuiltPack {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly table: Uint8Array;
  readonly entries: readonly PackEntry[];
}

/** Fills one pack. The buffer is the caller's again when the pack is stored. */
export class PackBuilder {
  readonly #sealer: Sealer;
  readonly #salt: Uint8Array;
  readonly #pack: PackSealer;
  readonly #buffer: Uint8Array;
  readonly #entries: PackEntry[] = [];
  #used: number = PackHeader.size;

  constructor(sealer: Sealer, buffer: Uint8Array) {
    this.#sealer = sealer;
    const salt = sealer.newSalt();
    this.#salt = salt;
    this.#pack = sealer.forPack(salt);
    this.#buffer = buffer;
    const values = { magic: PACK_MAGIC, version: PACK_VERSION, reserved: null, salt };
    PackHeader.encode(values, buffer);
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** For so many blobs of so many bytes in all, whatever they turn out to be. */
  hasRoomFor(length: number, blobs: number): boolean {
    const count = this.#entries.length + blobs;
    if (count > MAX_BLOBS_IN_PACK) return false;
    const seals = (blobs + 1) * this.#sealer.overhead;
    const end = this.#used + length + seals + SALT_SIZE + count * ENTRY_SIZE + PackFooter.size;
    return end <= this.#buffer.length;
  }

  /** Takes a copy of the bytes. */
  add(
    digest: Uint8Array,
    { encoding, bytes }: EncodedBlob,
    about: Pick<PackEntry, 'length' | 'kind'>,
  ): PackEntry {
    const sealed = this.#pack.seal(this.#entries.length, bytes);
    const { length, kind } = about;
    const place = { offset: this.#used, storedLength: sealed.length };
    const entry = { digest, ...place, length, kind, encoding };
    this.#entries.push(entry);
    this.#buffer.set(sealed, this.#used);
    this.#used += sealed.length;
    return entry;
  }

  finish(): BuiltPack {
    const table = encodeTable(this.#salt, this.#entries);
    const sealed = this.#pack.seal(TABLE_NUMBER, table);
    this.#buffer.set(sealed, this.#used);
    const end = this.#used + sealed.length;
    const count = this.#entries.length;
    const values = { count, tableLength: sealed.length, reserved: null, magic: PACK_MAGIC };
    PackFooter.encode(values, this.#buffer, end);
    const bytes = this.#buffer.subarray(0, end + PackFooter.size);
    return { id: toHex(this.#sealer.digest(table)), bytes, table, entries: this.#entries };
  }
}
