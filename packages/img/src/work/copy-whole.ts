import type { NewImage } from '@tidemark/qcow2';
import type { Image } from '../open/open-image.ts';
import { layersOf } from './layers.ts';
import { named } from './named.ts';
import { runsOfZeros } from './zeros.ts';

/** Bytes that are read at once, where a cluster is no larger. */
const PART = 1024 * 1024;

export interface CopyWholeOptions {
  /** One behind the other they make up the disk; all but the last are of whole clusters. */
  readonly sources: readonly Image[];
  readonly image: NewImage;
  /** Clusters of zeros get places, too. Default false. */
  readonly keepsZeros?: boolean;
  /** Hears how many bytes are done. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Copies disks into an image that is written from front to back, each read into the memory that it is
 * written from. It is whole and durable then. @throws I/O codes, as qemu-img says it
 */
export async function copyWhole(options: CopyWholeOptions): Promise<void> {
  const { sources, image } = options;
  try {
    let base = 0;
    for (const source of sources) {
      await copySource(source, base, options);
      base += source.disk.size;
    }
    await named('writing', base, () => image.finish());
  } catch (error) {
    // Before its file is closed.
    await image.abandon();
    throw error;
  }
}

async function copySource(source: Image, base: number, options: CopyWholeOptions): Promise<void> {
  const { image, keepsZeros = false } = options;
  const { clusterSize } = image;
  const part = Math.max(PART, clusterSize);
  const { size } = source.disk;
  let done = 0;
  for await (const { offset, length, zero } of layersOf(source)) {
    if (zero && !keepsZeros) continue;
    // Whole clusters: what is around the data in them is read as well.
    const from = Math.max(done, offset - (offset % clusterSize));
    done = Math.min(Math.ceil((offset + length) / clusterSize) * clusterSize, size);
    for (let at = from; at < done;) {
      options.onProgress?.(base + at);
      at += await copyPart(source, at, Math.min(part, done - at), { ...options, base });
    }
  }
}

/** @returns how many bytes are copied */
async function copyPart(
  { disk }: Image,
  offset: number,
  length: number,
  { image, keepsZeros = false, base }: CopyWholeOptions & { readonly base: number },
): Promise<number> {
  const bytes = image.sift(base + offset, length);
  if (disk.readNow?.(bytes, offset) !== true) {
    await named('reading', base + offset, () => disk.read(bytes, offset));
  }
  const whole = [{ from: 0, to: bytes.length, isData: true }];
  const runs = keepsZeros ? whole : runsOfZeros(bytes, base + offset, image.clusterSize);
  image.keep([...runs].filter(({ isData }) => isData));
  await named('writing', base + offset, async () => image.ready());
  return bytes.length;
}
