import type { ObjectStore } from '@tidemark/object-store';
import type { Sealer } from '../crypt/sealer.ts';
import type { Compression } from '../format/config.ts';
import { PACK_TARGET } from '../format/limits.ts';
import type { BlobIndex } from './blob-index.ts';
import { encodeBlob } from './encode-blob.ts';
import { PackStream } from './pack-stream.ts';

/** Of nodes, which are few. */
const NODE_PACK_SIZE = 4 * 1024 * 1024;

export interface BlobWriterOptions {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly compression: Compression;
  readonly index: BlobIndex;
}

/** Stores blobs, each once. Nothing is durable before `finish`. */
export class BlobWriter {
  readonly #options: BlobWriterOptions;
  readonly #data: PackStream;
  readonly #nodes: PackStream;
  readonly #used = new Set<number>();
  /** Bytes of data that was not there before, plain. */
  freshBytes = 0;

  constructor(options: BlobWriterOptions) {
    this.#options = options;
    const { store, sealer, index } = options;
    const about = { store, sealer, index };
    this.#data = new PackStream({ ...about, kind: 'data', packSize: PACK_TARGET });
    this.#nodes = new PackStream({ ...about, kind: 'node', packSize: NODE_PACK_SIZE });
  }

  /** Bytes of packs. */
  get storedBytes(): number {
    return this.#data.storedBytes + this.#nodes.storedBytes;
  }

  /** Ids of packs that hold what was added; whole after `finish`. */
  packsInUse(): readonly string[] {
    const { packs } = this.#options.index;
    return [...new Set([...this.#used, ...this.#data.packs, ...this.#nodes.packs])].map(
      (pack) => packs[pack]!,
    );
  }

  /** Before so many blobs of so many bytes in all are placed; their bytes are appended together. */
  async makeRoom(length: number, blobs: number): Promise<void> {
    await this.#data.makeRoom(length, blobs);
  }

  /**
   * Content of a drive by its digest, for which there has to be room. The digest is kept.
   * @returns what is to be appended for it, maybe the content itself; undefined: it was there
   */
  place(digest: Uint8Array, plain: Uint8Array): Uint8Array | undefined {
    if (this.#isKnown(digest)) return undefined;
    this.freshBytes += plain.length;
    return this.#data.add(digest, encodeBlob(plain, this.#options.compression), plain.length);
  }

  /** What `place` gave, in its order. It must not change until this resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#data.append(bytes);
  }

  /** Content of a drive. The bytes must not change until this resolves. */
  async addData(plain: Uint8Array): Promise<void> {
    await this.makeRoom(plain.length, 1);
    const bytes = this.place(this.#options.sealer.digest(plain), plain);
    if (bytes !== undefined) await this.append(bytes);
  }

  /** The bytes must not change until this resolves. @returns its digest */
  async addNode(plain: Uint8Array): Promise<Uint8Array> {
    const digest = this.#options.sealer.digest(plain);
    if (this.#isKnown(digest)) return digest;
    await this.#nodes.makeRoom(plain.length, 1);
    await this.#nodes.append(this.#nodes.add(digest, encodeBlob(plain, 'none'), plain.length));
    return digest;
  }

  has(digest: Uint8Array): boolean {
    return this.#options.index.find(digest) >= 0;
  }

  /** Of a blob that is there: the point relies on its pack. */
  reuse(digest: Uint8Array): void {
    if (!this.#isKnown(digest)) throw new RangeError('there is no such blob');
  }

  #isKnown(digest: Uint8Array): boolean {
    const { index } = this.#options;
    const blob = index.find(digest);
    if (blob < 0) return false;
    this.#used.add(index.packOf(blob));
    return true;
  }

  async finish(): Promise<void> {
    await this.#data.finish();
    await this.#nodes.finish();
  }

  /** After a failure: the index knows of blobs that may not be there, and must not be used again. */
  async abandon(): Promise<void> {
    await this.#data.abandon();
    await this.#nodes.abandon();
  }
}
