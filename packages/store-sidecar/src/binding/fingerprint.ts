import { createHash } from 'node:crypto';

/** Bytes of the drive that a sample takes at a place. */
const GRANULE = 65_536;
/** Granules at either end: partition tables, superblocks. Who mounts a file system writes them. */
const EDGE = 16;
/** Granules in all: 16 MiB are read at most. */
const SAMPLES = 256;

export interface SampledDrive {
  /** Bytes. */
  readonly size: number;
  read(target: Uint8Array, offset: number): Promise<void>;
}

/** The fingerprint of a drive that may not be readable: undefined then. @throws I/O codes */
export async function sampleOf(
  drive: Partial<SampledDrive> & Pick<SampledDrive, 'size'>,
  seed: Uint8Array,
): Promise<string | undefined> {
  const isReadable = (it: typeof drive): it is SampledDrive => it.read !== undefined;
  return isReadable(drive) ? fingerprintOf(drive, seed) : undefined;
}

/** Where a drive is sampled, ascending: the same places for the same seed and size. */
export function samplePlaces(size: number, seed: Uint8Array): readonly number[] {
  const count = Math.ceil(size / GRANULE);
  const chosen = new Set<number>();
  if (count <= SAMPLES) for (let i = 0; i < count; i++) chosen.add(i);
  for (let i = 0; i < EDGE && chosen.size < count; i++) chosen.add(i).add(count - 1 - i);
  for (let i = 0; chosen.size < Math.min(count, SAMPLES); i++)
    chosen.add(randomOf(seed, i) % count);
  return [...chosen].sort((a, b) => a - b).map((granule) => granule * GRANULE);
}

/** Below 2^48. */
function randomOf(seed: Uint8Array, index: number): number {
  const digest = createHash('sha256').update(seed).update(String(index)).digest();
  return digest.readUIntBE(0, 6);
}

/**
 * SHA-256, in hex, of the samples of a drive. Another one proves that it was changed; the same one
 * that at most a part of it was: of m changed granules in N none is seen with a chance of about
 * (1 - 256 / N)^m. @throws I/O codes
 */
export async function fingerprintOf(drive: SampledDrive, seed: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(GRANULE);
  for (const offset of samplePlaces(drive.size, seed)) {
    const part = buffer.subarray(0, Math.min(GRANULE, drive.size - offset));
    await drive.read(part, offset);
    hash.update(part);
  }
  return hash.digest('hex');
}
