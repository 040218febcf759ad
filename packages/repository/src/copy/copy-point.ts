import { dirtyRanges } from '@tidemark/backup/parts';
import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { BlobReader } from '../blobs/blob-reader.ts';
import { BlobWriter } from '../blobs/blob-writer.ts';
import type { PointManifest } from '../format/manifest.ts';
import type { PlaceOfPoint, PreparedPoint } from '../make/commit-points.ts';
import { copyDrive } from '../make/copy-drive.ts';
import { ChunkMemory } from '../make/hashing/chunk-memory.ts';
import type { RateLimit } from '../make/rate-limit.ts';
import { MapWriter } from '../map/map-writer.ts';
import type { OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { differences } from '../use/differences.ts';
import { mapOf } from '../use/map-of-point.ts';
import { openPointDevice } from '../use/point-device.ts';
import { haveSameNames, putCopy } from './copy-manifest.ts';
import { MapDigests } from './map-digests.ts';

/** A point of the source, and its copy, which the target names. */
export interface CopyBase {
  readonly point: OpenPoint;
  readonly copy: { readonly id: string; readonly manifest: PointManifest };
}

export interface CopyPointOptions {
  readonly from: Repository;
  readonly to: Repository;
  readonly point: OpenPoint;
  /** What the copy shares all with that is alike. */
  readonly base: CopyBase | undefined;
  /** Id in the target of what the point was made on; its own id there where that has no copy. */
  readonly parent: string | null;
  readonly place: PlaceOfPoint;
  readonly rate: RateLimit | undefined;
  readonly signal: AbortSignal | undefined;
  /** Bytes of the drive. */
  readonly onProgress: (done: number, total: number) => void;
}

/** A copy whose objects are durable, and that nobody sees yet. */
export interface PreparedCopy {
  readonly prepared: PreparedPoint;
  /** Bytes of the drive that were read from the source. */
  readonly read: number;
  /** Bytes of packs that were written. */
  readonly storedBytes: number;
}

/**
 * Stores in the target what of a point is not there yet, under the names, compression and encryption of
 * the target. Whatever is read of the source has been held against its digest.
 * @throws BACKUP_CORRUPT: the point is damaged; CANCELLED, and what the stores throw
 */
export async function preparePointCopy(options: CopyPointOptions): Promise<PreparedCopy> {
  const { from, to, base } = options;
  try {
    return await prepare(options, isLike(options.point, base?.point) ? base : undefined);
  } catch (error) {
    // It may tell of blobs that were never stored.
    to.forgetIndex();
    if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
  }
  // A prune may have moved what was looked for; or it is the base that is damaged, here or there.
  from.forgetIndex();
  try {
    return await prepare(options, undefined);
  } catch (error) {
    to.forgetIndex();
    throw error;
  }
}

function isLike({ manifest }: OpenPoint, base: OpenPoint | undefined): boolean {
  const { drive, granularity } = base?.manifest ?? {};
  return drive?.size === manifest.drive.size && granularity === manifest.granularity;
}

async function prepare(options: CopyPointOptions, base: CopyBase | undefined) {
  const { to, place } = options;
  const changed = await changedSince(options, base?.point);
  const about = { base: base?.copy.id ?? null, place };
  if (changed === undefined || changed.dirtyBytes === 0) {
    const { prunes } = await to.readRoot();
    const made = await putCopy(options, base?.copy.manifest.map ?? null);
    return { prepared: { ...about, ...made, packs: [], prunes }, read: 0, storedBytes: 0 };
  }
  const { blobs: index, prunes } = await to.index();
  const { store, sealer, config } = to;
  const blobs = new BlobWriter({ store, sealer, compression: config.compression, index });
  try {
    const { map, read } = await copyContent(options, { base, changed, blobs });
    await blobs.finish();
    const made = await putCopy(options, map);
    const packs = blobs.packsInUse();
    return { prepared: { ...about, ...made, packs, prunes }, read, storedBytes: blobs.storedBytes };
  } catch (error) {
    await blobs.abandon();
    throw error;
  }
}

/** Undefined: the drive has no bytes. */
async function changedSince(
  { from, point }: CopyPointOptions,
  base: OpenPoint | undefined,
): Promise<DirtyBitmap | undefined> {
  const { drive, granularity } = point.manifest;
  if (drive.size === 0) return undefined;
  const changed = new DirtyBitmap(drive.size, granularity);
  for await (const { offset, length } of differences(from, point, base)) {
    changed.set(offset, length);
  }
  return changed;
}

interface Content {
  readonly base: CopyBase | undefined;
  readonly changed: DirtyBitmap;
  readonly blobs: BlobWriter;
}

async function copyContent(
  { from, to, point, rate, signal, onProgress }: CopyPointOptions,
  { base, changed, blobs }: Content,
): Promise<{ readonly map: string | null; readonly read: number }> {
  const { manifest } = point;
  const drive = { size: manifest.drive.size, granularity: manifest.granularity };
  const reader = new BlobReader(to.store, to.sealer, (await to.index()).blobs);
  const map = new MapWriter(drive, base?.copy.manifest.map ?? null, {
    read: async (digest) => reader.read(digest),
    write: async (node) => blobs.addNode(node),
  });
  // Names that are the same tell what is there already, without a read.
  const known = haveSameNames(from, to)
    ? { earlier: new MapDigests(mapOf(manifest, await from.reader())) }
    : {};
  const memory = new ChunkMemory(to.sealer, rate !== undefined);
  try {
    const { read } = await copyDrive({
      ...known,
      source: await openPointDevice(from, point),
      drive,
      parts: dirtyRanges(changed, drive),
      sealer: to.sealer,
      memory,
      blobs,
      map,
      rate,
      signal,
      onProgress: ({ done }) => {
        onProgress(done, changed.dirtyBytes);
      },
    });
    return { map: await map.finish(), read };
  } finally {
    await memory.close();
  }
}
