import { randomBytes } from 'node:crypto';
import { DIGEST_SIZE } from '../format/limits.ts';
import type { BlobEncoding, BlobKind, PackEntry } from '../format/pack-table.ts';

const CHUNK = 16_384;
const EMPTY = 0xffff_ffff;

interface Chunk {
  readonly digests: Uint8Array;
  readonly packs: Uint32Array;
  readonly numbers: Uint16Array;
  readonly offsets: Uint32Array;
  readonly storedLengths: Uint32Array;
  readonly lengths: Uint32Array;
  readonly flags: Uint8Array;
}

/** Where a blob lies. */
export interface BlobPlace extends PackEntry {
  /** Number of its pack, as `BlobIndex.packs` has it. */
  readonly pack: number;
  /** Of the blob in its pack. */
  readonly number: number;
}

/**
 * Where each blob of a repository lies, in memory: about 55 bytes for each. A digest that comes twice
 * stays where it was first.
 */
export class BlobIndex {
  readonly #chunks: Chunk[] = [];
  readonly #packs: string[] = [];
  // Contents that were made up to meet in the table would make it slow.
  readonly #seed = randomBytes(4).readUInt32LE(0);
  #slots = new Uint32Array(1024).fill(EMPTY);
  #count = 0;

  /** Blobs. */
  get size(): number {
    return this.#count;
  }

  /** Ids of packs, by number. */
  get packs(): readonly string[] {
    return this.#packs;
  }

  addPack(id: string, entries: readonly PackEntry[]): number {
    const pack = this.beginPack();
    this.namePack(pack, id);
    entries.forEach((entry, number) => {
      this.add(entry, pack, number);
    });
    return pack;
  }

  /** The number of a pack that is being filled: its id is known at its end. */
  beginPack(): number {
    return this.#packs.push('') - 1;
  }

  namePack(pack: number, id: string): void {
    this.#packs[pack] = id;
  }

  /** The number of a blob, ascending as they were added; -1 where it is not known. */
  find(digest: Uint8Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(digest) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]!;
      if (found === EMPTY) return -1;
      if (this.#isAt(found, digest)) return found;
    }
  }

  packOf(blob: number): number {
    return this.#chunks[Math.floor(blob / CHUNK)]!.packs[blob % CHUNK]!;
  }

  place(blob: number): BlobPlace {
    const chunk = this.#chunks[Math.floor(blob / CHUNK)]!;
    const at = blob % CHUNK;
    const kind: BlobKind = (chunk.flags[at]! & 1) === 0 ? 'data' : 'node';
    const encoding: BlobEncoding = (chunk.flags[at]! & 2) === 0 ? 'plain' : 'zstd';
    return {
      digest: chunk.digests.subarray(at * DIGEST_SIZE, (at + 1) * DIGEST_SIZE),
      pack: chunk.packs[at]!,
      number: chunk.numbers[at]!,
      offset: chunk.offsets[at]!,
      storedLength: chunk.storedLengths[at]!,
      length: chunk.lengths[at]!,
      kind,
      encoding,
    };
  }

  add(entry: PackEntry, pack: number, number: number): void {
    if (this.find(entry.digest) >= 0) return;
    const at = this.#count % CHUNK;
    if (at === 0) this.#chunks.push(newChunk());
    const chunk = this.#chunks.at(-1)!;
    chunk.digests.set(entry.digest, at * DIGEST_SIZE);
    chunk.packs[at] = pack;
    chunk.numbers[at] = number;
    chunk.offsets[at] = entry.offset;
    chunk.storedLengths[at] = entry.storedLength;
    chunk.lengths[at] = entry.length;
    chunk.flags[at] = (entry.kind === 'node' ? 1 : 0) + (entry.encoding === 'zstd' ? 2 : 0);
    this.#count += 1;
    if (this.#count * 3 > this.#slots.length * 2) this.#grow();
    else this.#insert(this.#count - 1);
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2).fill(EMPTY);
    for (let blob = 0; blob < this.#count; blob++) this.#insert(blob);
  }

  #insert(blob: number): void {
    const chunk = this.#chunks[Math.floor(blob / CHUNK)]!;
    const at = (blob % CHUNK) * DIGEST_SIZE;
    const mask = this.#slots.length - 1;
    let slot = this.#hash(chunk.digests, at) & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = blob;
  }

  #hash(bytes: Uint8Array, at = 0): number {
    const low =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const high =
      bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
    const mixed = Math.imul(low ^ this.#seed, 0x9e37_79b1) ^ Math.imul(high, 0x85eb_ca6b);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  #isAt(blob: number, digest: Uint8Array): boolean {
    const { digests } = this.#chunks[Math.floor(blob / CHUNK)]!;
    const at = (blob % CHUNK) * DIGEST_SIZE;
    for (let i = 0; i < DIGEST_SIZE; i++) if (digests[at + i] !== digest[i]) return false;
    return true;
  }
}

function newChunk(): Chunk {
  return {
    digests: new Uint8Array(CHUNK * DIGEST_SIZE),
    packs: new Uint32Array(CHUNK),
    numbers: new Uint16Array(CHUNK),
    offsets: new Uint32Array(CHUNK),
    storedLengths: new Uint32Array(CHUNK),
    lengths: new Uint32Array(CHUNK),
    flags: new Uint8Array(CHUNK),
  };
}
