import type { BlockDevice } from '@tidemark/block';
import {
  type ByteRange,
  knownRuns,
  type CopyRange,
  type Granules,
  type Piece,
  readAhead,
} from '@tidemark/backup/parts';
import type { BlobWriter } from '../blobs/blob-writer.ts';
import type { MapWriter } from '../map/map-writer.ts';
import type { RateLimit } from './rate-limit.ts';

/** Bytes of the drive. */
interface CopyProgress {
  readonly done: number;
  /** Of `done`, those that had to be read. */
  readonly read: number;
}

export interface CopyOptions {
  readonly source: BlockDevice;
  readonly drive: Granules;
  /** What to look at: whole granules, ascending. */
  readonly parts: Iterable<ByteRange>;
  readonly blobs: BlobWriter;
  readonly map: MapWriter;
  readonly rate?: RateLimit | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Copied {
  readonly looked: number;
  readonly read: number;
  readonly zero: number;
}

async function* rangesToCopy({ source, drive, parts }: CopyOptions): AsyncGenerator<CopyRange> {
  for await (const runs of knownRuns(source, parts, drive)) yield* runs;
}

/** Stores the content of the parts and puts it into the map. Known zeros are not read. */
export async function copyDrive(options: CopyOptions): Promise<Copied> {
  const { source, drive, blobs, map, rate, onProgress, signal } = options;
  const zeros = Buffer.alloc(drive.granularity);
  let [looked, read, zero] = [0, 0, 0];
  const addPiece = async ({ bytes, offset, length }: Piece) => {
    const first = offset / drive.granularity;
    const count = Math.ceil(length / drive.granularity);
    looked += length;
    if (bytes === undefined) {
      zero += length;
      await map.setZeros(first, count);
      return;
    }
    read += length;
    await rate?.take(length, signal);
    await blobs.makeRoom(length, count);
    for (let index = 0; index < count; index++) {
      const at = index * drive.granularity;
      const content = bytes.subarray(at, at + drive.granularity);
      const isZero = zeros.subarray(0, content.length).equals(content);
      if (isZero) zero += content.length;
      await map.set(first + index, isZero ? undefined : blobs.addData(content));
    }
  };
  for await (const piece of readAhead(source, rangesToCopy(options), signal)) {
    await addPiece(piece);
    onProgress?.({ done: looked, read });
  }
  return { looked, read, zero };
}
