import type { ObjectStore } from '@tidemark/object-store';
import { isTidemarkError } from '@tidemark/core';
import type { PackSealer, Sealer } from '../crypt/sealer.ts';
import { corrupt } from '../format/corrupt.ts';
import { sameDigest, toHex } from '../format/digest.ts';
import { packKey } from '../format/object-keys.ts';
import { PackHeader } from '../format/pack-table.ts';
import type { BlobIndex, BlobPlace } from './blob-index.ts';
import { decodeBlob } from './encode-blob.ts';

/** Bytes that are read for nothing rather than in two reads. */
const MAX_GAP = 32 * 1024;
/** Bytes of one read at most, a blob aside. */
const MAX_READ = 4 * 1024 * 1024;
const MAX_SEALERS = 1024;

/** Reads blobs; whatever is not what its digest says is BACKUP_CORRUPT. */
export class BlobReader {
  readonly #store: ObjectStore;
  readonly #sealer: Sealer;
  readonly #index: BlobIndex;
  readonly #sealers = new Map<number, Promise<PackSealer>>();

  constructor(store: ObjectStore, sealer: Sealer, index: BlobIndex) {
    this.#store = store;
    this.#sealer = sealer;
    this.#index = index;
  }

  /** @throws BACKUP_CORRUPT: also where nothing is known of it */
  place(digest: Uint8Array): BlobPlace {
    const blob = this.#index.find(digest);
    if (blob >= 0) return this.#index.place(blob);
    throw corrupt(this.#store.label, `block ${toHex(digest)} is missing`);
  }

  async read(digest: Uint8Array): Promise<Uint8Array> {
    const [blob] = await this.readAll([digest]);
    return blob!;
  }

  /** Blobs in the order of their digests; what lies together is read together. */
  async readAll(digests: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const places = digests.map((digest) => this.place(digest));
    const blobs: Uint8Array[] = [];
    for (let from = 0; from < places.length;) {
      const to = endOfRead(places, from);
      const part = places.slice(from, to);
      blobs.push(...(await this.#readTogether(part)));
      from = to;
    }
    return blobs;
  }

  async #readTogether(places: readonly BlobPlace[]): Promise<readonly Uint8Array[]> {
    const { pack, offset } = places[0]!;
    const last = places.at(-1)!;
    const key = packKey(this.#index.packs[pack]!);
    const length = last.offset + last.storedLength - offset;
    const sealer = await this.#sealerOf(pack, key);
    const bytes = await this.#get(key, { offset, length });
    return places.map((place) => {
      const at = place.offset - offset;
      const sealed = bytes.subarray(at, at + place.storedLength);
      return this.#open(place, sealer.open(place.number, sealed, key), key);
    });
  }

  #open(place: BlobPlace, bytes: Uint8Array, key: string): Uint8Array {
    const plain = decodeBlob({ encoding: place.encoding, bytes }, place.length, key);
    if (sameDigest(this.#sealer.digest(plain), place.digest)) return plain;
    throw corrupt(key, `the block at ${place.offset} fails its digest`);
  }

  async #get(key: string, range: { readonly offset: number; readonly length: number }) {
    try {
      return await this.#store.get(key, range);
    } catch (error) {
      if (isTidemarkError(error, 'FILE_NOT_FOUND')) throw corrupt(key, 'it is missing', error);
      throw error;
    }
  }

  async #sealerOf(pack: number, key: string): Promise<PackSealer> {
    if (this.#sealer.overhead === 0) return this.#sealer.forPack(new Uint8Array(0));
    const known = this.#sealers.get(pack);
    if (known !== undefined) return known;
    if (this.#sealers.size >= MAX_SEALERS) this.#sealers.clear();
    const sealer = this.#get(key, { offset: 0, length: PackHeader.size }).then((bytes) =>
      this.#sealer.forPack(PackHeader.decode(bytes).salt),
    );
    this.#sealers.set(pack, sealer);
    sealer.catch(() => this.#sealers.delete(pack));
    return sealer;
  }
}

/** Up to which place one read goes on. */
function endOfRead(places: readonly BlobPlace[], from: number): number {
  const first = places[from]!;
  let to = from + 1;
  for (let before = first; to < places.length; to++) {
    const next = places[to]!;
    const gap = next.offset - (before.offset + before.storedLength);
    const length = next.offset + next.storedLength - first.offset;
    if (next.pack !== first.pack || gap < 0 || gap > MAX_GAP || length > MAX_READ) break;
    before = next;
  }
  return to;
}
