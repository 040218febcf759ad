import type { ObjectStore, ObjectWriter } from '@tidemark/object-store';
import type { Sealer } from '../crypt/sealer.ts';
import { indexKey, packKey } from '../format/object-keys.ts';
import type { BlobKind } from '../format/pack-table.ts';
import type { BlobIndex } from './blob-index.ts';
import { BufferedObjects } from './buffered-objects.ts';
import type { EncodedBlob } from './encode-blob.ts';
import { type BuiltPack, PackBuilder } from './pack-builder.ts';

/** Packs that are on their way to the disk while the next one is filled. */
const MAX_STORING = 2;

export interface PackStreamOptions {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly index: BlobIndex;
  readonly kind: BlobKind;
  /** Bytes of a pack. */
  readonly packSize: number;
}

interface OpenPack {
  readonly builder: PackBuilder;
  readonly object: ObjectWriter;
  /** Its number in the index. */
  readonly pack: number;
  /** Whether its header is on its way. */
  isBegun: boolean;
}

/** Fills packs and stores them, one after the other; each is durable before its index is there. */
export class PackStream {
  readonly #options: PackStreamOptions;
  readonly #objects: { newObject(): ObjectWriter };
  readonly #storing = new Set<Promise<void>>();
  #open: OpenPack | undefined;
  #failure: { readonly cause: unknown } | undefined;
  /** Bytes of packs that were stored. */
  storedBytes = 0;
  /** Their numbers in the index. */
  readonly packs: number[] = [];

  constructor(options: PackStreamOptions) {
    this.#options = options;
    const { store, packSize } = options;
    this.#objects =
      store.newObject === undefined
        ? new BufferedObjects(store, packSize)
        : { newObject: () => store.newObject!() };
  }

  /** Before so many blobs of so many bytes in all are added; they are in one pack then. */
  async makeRoom(length: number, blobs: number): Promise<void> {
    const { index, sealer, packSize } = this.#options;
    if (this.#open?.builder.hasRoomFor(length, blobs, packSize) === true) return;
    this.#close();
    while (this.#storing.size >= MAX_STORING) await Promise.race(this.#storing);
    this.#throwFailure();
    const builder = new PackBuilder(sealer);
    const object = this.#objects.newObject();
    this.#open = { builder, object, pack: index.beginPack(), isBegun: false };
  }

  /**
   * Names a blob, for which there has to be room.
   * @returns what has to be appended for it, in the order of the blobs: its bytes themselves, or others
   */
  add(digest: Uint8Array, { encoding, bytes }: EncodedBlob, length: number): Uint8Array {
    const { builder, pack } = this.#open!;
    const { kind, index } = this.#options;
    const number = builder.count;
    const sealed = builder.seal(bytes);
    const storedLength = sealed.length;
    index.add(builder.add({ digest, storedLength, length, kind, encoding }), pack, number);
    return sealed;
  }

  /** Bytes of blobs that were added. They must not change until this resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    const open = this.#open!;
    const { object, builder } = open;
    if (!open.isBegun) this.#watch(object.append(builder.header));
    open.isBegun = true;
    await object.append(bytes);
  }

  /** All that was added is durable, and can be found. */
  async finish(): Promise<void> {
    this.#close();
    await Promise.all(this.#storing);
    this.#throwFailure();
  }

  /** Nothing is being stored any more. */
  async abandon(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await Promise.all([...this.#storing, open?.object.abandon()]);
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    if (open.builder.count === 0) {
      this.#watch(open.object.abandon());
      return;
    }
    const built = open.builder.finish();
    this.#options.index.namePack(open.pack, built.id);
    this.packs.push(open.pack);
    this.storedBytes += built.size;
    this.#watch(this.#store(open.object, built));
  }

  /** What fails is told by the next call that waits. */
  #watch(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => this.#storing.delete(watched));
    this.#storing.add(watched);
  }

  /** An index tells of a pack only when the pack is durable. */
  async #store(object: ObjectWriter, { id, tail, table }: BuiltPack): Promise<void> {
    const { store, sealer } = this.#options;
    try {
      await object.append(tail);
      await object.finish(packKey(id));
    } finally {
      await object.abandon();
    }
    await store.putIfAbsent(indexKey(id), sealer.sealObject(indexKey(id), table));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
