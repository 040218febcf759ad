import { setImmediate } from 'node:timers/promises';
import {
  type ByteRange,
  type CopyRange,
  type Granules,
  knownRuns,
  throwIfCancelled,
} from '@tidemark/backup/parts';
import type { BlobWriter } from '../blobs/blob-writer.ts';
import type { Sealer } from '../crypt/sealer.ts';
import type { MapWriter } from '../map/map-writer.ts';
import { Chunk } from './chunk.ts';
import { ChunkPlacer, type Copied } from './chunk-placer.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { ChunkMemory } from './hashing/chunk-memory.ts';
import type { RateLimit } from './rate-limit.ts';
import type { TryEntry } from '../format/try-record.ts';
import type { TryWriter } from './try-writer.ts';
import type { DriveSource } from './drive-to-back-up.ts';

/** Of a chunk, where most are zeros: others get their turn. */
const MAX_PARTS = 1024;

/** Bytes of the drive. */
interface CopyProgress {
  readonly done: number;
  /** Of `done`, those that had to be read. */
  readonly read: number;
}

/** Knows of granules what they hold: what an earlier try has read, and is as it was. */
export interface FoundEarlier {
  /** Asked in ascending order. Undefined: it has to be read. */
  find(granule: number): Promise<TryEntry | undefined>;
}

export interface CopyOptions {
  readonly source: DriveSource;
  readonly drive: Granules;
  /** What to look at: whole granules, ascending. */
  readonly parts: Iterable<ByteRange>;
  readonly sealer: Sealer;
  readonly memory: ChunkMemory;
  readonly blobs: BlobWriter;
  readonly map: MapWriter;
  /** What is known without a read. */
  readonly earlier?: FoundEarlier | undefined;
  readonly tries?: TryWriter | undefined;
  readonly rate?: RateLimit | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stores the content of the parts and puts it into the map. Known zeros are not read. What is read is
 * hashed in and written from the memory that it was read into, many reads and writes at a time. One drive at
 * a time has the memory.
 */
export async function copyDrive(options: CopyOptions): Promise<Copied> {
  const { source, drive, parts, sealer, memory, signal, onProgress } = options;
  const placer = new ChunkPlacer(options);
  const queue = new ChunkQueue({
    newChunk: (number) => new Chunk(drive.granularity, sealer.overhead, memory.room(number)),
    hashOne: () => memory.hashOne(),
    place: async (chunk) => {
      throwIfCancelled(signal);
      const placed = await placer.place(chunk);
      const { looked, read } = placer.copied;
      onProgress?.({ done: looked, read });
      return placed;
    },
  });
  try {
    for await (const runs of knownRuns(source, parts, drive)) {
      for (const run of runs) await copyRun(run, options, queue);
    }
    await queue.finish();
    return placer.copied;
  } finally {
    await queue.abandon();
  }
}

/** Leaves out what is known, and stored. */
async function copyRun(run: CopyRange, options: CopyOptions, queue: ChunkQueue): Promise<void> {
  const { earlier, drive, blobs, signal } = options;
  if (run.zero || earlier === undefined) return readRun(run, options, queue);
  const end = run.offset + run.length;
  let from = run.offset;
  for (let at = from; at < end; at += drive.granularity) {
    const known = await earlier.find(at / drive.granularity);
    if (known === undefined) continue;
    if (known.digest !== undefined && !blobs.has(known.digest)) continue;
    if (at > from) await readRun({ offset: from, length: at - from, zero: false }, options, queue);
    from = Math.min(end, at + drive.granularity);
    const chunk = queue.open ?? (await queue.next());
    chunk.addKnown(known, from - at);
    if (chunk.parts.length < MAX_PARTS) continue;
    queue.close();
    await setImmediate();
    throwIfCancelled(signal);
  }
  if (end > from) await readRun({ offset: from, length: end - from, zero: false }, options, queue);
}

async function readRun(
  { offset, length, zero }: CopyRange,
  { source, drive, rate, signal }: CopyOptions,
  queue: ChunkQueue,
): Promise<void> {
  const first = offset / drive.granularity;
  if (zero) {
    const chunk = queue.open ?? (await queue.next());
    chunk.addZeros(first, length);
    if (chunk.parts.length >= MAX_PARTS) queue.close();
    return;
  }
  for (let done = 0; done < length;) {
    let chunk = queue.open;
    if (chunk === undefined) {
      chunk = await queue.next();
      // Others get their turn: signals, and what has ended meanwhile.
      await setImmediate();
      throwIfCancelled(signal);
    }
    const part = Math.min(chunk.left, length - done);
    await rate?.take(part, signal);
    const target = chunk.addContent(first + done / drive.granularity, part);
    // What is in memory costs a fraction so; what is not goes to other threads, many at a time.
    if (source.readNow?.(target, offset + done) !== true) {
      chunk.waitFor(source.read(target, offset + done));
    }
    done += part;
    if (chunk.left === 0) queue.close();
  }
}
