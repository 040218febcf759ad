import type { ObjectStore } from '@tidemark/object-store';
import type { Sealer } from '../crypt/sealer.ts';
import { indexKey, packKey } from '../format/object-keys.ts';
import type { BlobKind } from '../format/pack-table.ts';
import type { BlobIndex } from './blob-index.ts';
import type { EncodedBlob } from './encode-blob.ts';
import { type BuiltPack, PackBuilder } from './pack-builder.ts';

export interface PackStreamOptions {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly index: BlobIndex;
  readonly kind: BlobKind;
  /** Bytes of a pack. */
  readonly packSize: number;
  /** Packs in memory: one is filled while the others are stored. */
  readonly buffers: number;
}

/** Fills packs and stores them, one after the other; each is durable before its index is there. */
export class PackStream {
  readonly #options: PackStreamOptions;
  readonly #free: Uint8Array[] = [];
  readonly #storing = new Set<Promise<void>>();
  #buffers = 0;
  #open:
    | { readonly builder: PackBuilder; readonly buffer: Uint8Array; readonly pack: number }
    | undefined;
  #count = 0;
  #failure: { readonly cause: unknown } | undefined;
  /** Bytes of packs that were stored. */
  storedBytes = 0;
  /** Their numbers in the index. */
  readonly packs: number[] = [];

  constructor(options: PackStreamOptions) {
    this.#options = options;
  }

  /** Whether `add` can take so many blobs of so many bytes; else await `makeRoom`. */
  hasRoom(length: number, blobs: number): boolean {
    return this.#open?.builder.hasRoomFor(length, blobs) === true;
  }

  async makeRoom(length: number, blobs: number): Promise<void> {
    if (this.hasRoom(length, blobs)) return;
    this.#close();
    const { index, sealer } = this.#options;
    const buffer = await this.#takeBuffer();
    this.#count = 0;
    this.#open = { builder: new PackBuilder(sealer, buffer), buffer, pack: index.beginPack() };
  }

  /** Takes a copy of the bytes. */
  add(digest: Uint8Array, encoded: EncodedBlob, length: number): void {
    const { builder, pack } = this.#open!;
    const entry = builder.add(digest, encoded, { length, kind: this.#options.kind });
    this.#options.index.add(entry, pack, this.#count);
    this.#count += 1;
  }

  /** All that was added is durable, and can be found. */
  async finish(): Promise<void> {
    this.#close();
    await Promise.all(this.#storing);
    this.#throwFailure();
  }

  /** Nothing is being stored any more. */
  async abandon(): Promise<void> {
    await Promise.all(this.#storing);
  }

  async #takeBuffer(): Promise<Uint8Array> {
    for (;;) {
      this.#throwFailure();
      const free = this.#free.pop();
      if (free !== undefined) return free;
      if (this.#buffers < this.#options.buffers) {
        this.#buffers += 1;
        return Buffer.allocUnsafeSlow(this.#options.packSize);
      }
      await Promise.race(this.#storing);
    }
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || open.builder.isEmpty) return;
    const built = open.builder.finish();
    this.#options.index.namePack(open.pack, built.id);
    this.packs.push(open.pack);
    this.storedBytes += built.bytes.length;
    const storing: Promise<void> = this.#store(built)
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => {
        this.#free.push(open.buffer);
        this.#storing.delete(storing);
      });
    this.#storing.add(storing);
  }

  /** An index tells of a pack only when the pack is durable. */
  async #store({ id, bytes, table }: BuiltPack): Promise<void> {
    const { store, sealer } = this.#options;
    await store.putIfAbsent(packKey(id), bytes);
    await store.putIfAbsent(indexKey(id), sealer.sealObject(indexKey(id), table));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
