import type { Granules } from '@tidemark/backup/parts';
import type { BlobWriter } from '../blobs/blob-writer.ts';
import type { MapWriter } from '../map/map-writer.ts';
import type { Chunk, ChunkPart } from './chunk.ts';
import type { Placed } from './chunk-queue.ts';
import { CHUNK_SIZE } from './hashing/chunk-memory.ts';
import type { TryWriter } from './try-writer.ts';

export interface PlaceOptions {
  readonly drive: Granules;
  readonly blobs: BlobWriter;
  readonly map: MapWriter;
  /** Told of all that was read. */
  readonly tries?: TryWriter | undefined;
}

/** Bytes of the drive. */
export interface Copied {
  readonly looked: number;
  readonly read: number;
  readonly zero: number;
}

/** Puts the content of chunks into packs and into the map, in the order of the drive. */
export class ChunkPlacer {
  readonly #options: PlaceOptions;
  /** Of the chunk's granules with content, those that were placed. */
  #placed = 0;
  readonly copied = { looked: 0, read: 0, zero: 0 } satisfies Copied;

  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  /** What is new of the chunk is stored from where it is; its memory is lent until then. */
  async place(chunk: Chunk): Promise<Placed> {
    const { drive, blobs } = this.#options;
    const length = CHUNK_SIZE - chunk.left;
    if (length > 0) await blobs.makeRoom(length, length / drive.granularity);
    this.#placed = 0;
    for (const part of chunk.parts) {
      this.copied.looked += part.length;
      if (part.at !== undefined) await this.#placeContent(chunk, part.at, part);
      else await this.#placeUnread(part);
    }
    await this.#options.tries?.flushIfDue();
    return chunk.kept.length === 0 ? {} : { stored: blobs.append(chunk.kept) };
  }

  async #placeUnread({ first, length, known }: ChunkPart): Promise<void> {
    const { drive, blobs, map, tries } = this.#options;
    if (known !== undefined) tries?.note(known, length);
    if (known?.digest !== undefined) {
      blobs.reuse(known.digest);
      await map.set(first, known.digest);
      return;
    }
    this.copied.zero += length;
    await map.setZeros(first, Math.ceil(length / drive.granularity));
  }

  async #placeContent(chunk: Chunk, at: number, { first, length }: ChunkPart): Promise<void> {
    const { drive, map, tries } = this.#options;
    this.copied.read += length;
    for (let done = 0, granule = first; done < length; granule++) {
      const content = chunk.content(at + done, Math.min(drive.granularity, length - done));
      done += content.length;
      const digest = this.#placeGranule(chunk, content);
      const opening = map.set(granule, digest);
      if (opening !== undefined) await opening;
      tries?.note({ granule, digest }, content.length);
    }
  }

  /** @returns its digest; undefined: all zeros */
  #placeGranule(chunk: Chunk, content: Uint8Array): Uint8Array | undefined {
    const digest = chunk.digest(this.#placed++);
    if (digest === undefined) {
      this.copied.zero += content.length;
      return undefined;
    }
    const stored = this.#options.blobs.place(digest, content);
    if (stored !== undefined) chunk.keep(stored);
    return digest;
  }
}
