import type { GranuleRun } from '@tidemark/backup';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { DIGEST_SIZE } from '../format/limits.ts';
import type { PointBitmap } from '../format/manifest.ts';
import { walkMap } from '../map/map-reader.ts';
import { allPoints, openPoint, type OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { checkMap, mapOf } from './map-of-point.ts';

/** What a drive held at a restore point: what `TrackedDrive.rescan` compares with. */
export interface RepositoryDigests {
  readonly point: OpenPoint;
  /** Points that are newer, and cannot be read: whether they began the bitmap is not known. */
  readonly passedOver: readonly DamagedPoint[];
  readonly bitmap: PointBitmap;
  readonly checkpoint: string;
  /** Bytes of the drive. */
  readonly size: number;
  /** Bytes of a granule; the last one may be shorter. */
  readonly granularity: number;
  /** Bytes. */
  readonly digestSize: number;
  digest(content: Uint8Array): Uint8Array;
  /** The whole drive in order, without gaps. @throws BACKUP_CORRUPT: none of it counts */
  runs(): AsyncIterable<GranuleRun>;
}

/** A point that cannot be read, and why: a clause. */
export interface DamagedPoint {
  readonly number: number;
  readonly problem: string;
}

const NO_DIGESTS = new Uint8Array(0);

/** The digests of a point whose whole map has been checked. @throws BACKUP_CORRUPT */
async function digestsOfPoint(
  repository: Repository,
  point: OpenPoint,
): Promise<Omit<RepositoryDigests, 'bitmap' | 'checkpoint' | 'passedOver'>> {
  const { manifest } = point;
  const reader = await repository.reader();
  await checkMap(manifest, reader);
  return {
    point,
    size: manifest.drive.size,
    granularity: manifest.granularity,
    digestSize: DIGEST_SIZE,
    digest: (content) => repository.sealer.digest(content),
    async *runs() {
      for await (const { first, count, digests } of walkMap(mapOf(manifest, reader))) {
        const kind = digests === undefined ? 'zero' : 'data';
        yield { kind, first, count, dataOffset: 0, digests: digests ?? NO_DIGESTS };
      }
    },
  };
}

/** Of `digestsForBitmap`: which bitmap is to come back, and from which point. */
export interface RepositoryDigestsOptions {
  readonly drive: { readonly id: string };
  /** Name of the bitmap that is to come back. */
  readonly bitmap: string;
  /** Number or id. Default: the newest point that began the bitmap, of those that can be read. */
  readonly point?: string | undefined;
}

/**
 * The digests of the point at which a bitmap began.
 * @throws BACKUP_NOT_FOUND (also: no point began it), BITMAP_INVALID (the given one did not),
 *   BACKUP_CORRUPT
 */
export async function digestsForBitmap(
  repository: Repository,
  { drive, bitmap: name, point: wanted }: RepositoryDigestsOptions,
): Promise<RepositoryDigests> {
  const { point, passedOver } =
    wanted === undefined
      ? await newestOf(repository, drive.id, name)
      : { point: await openWanted(repository, drive.id, wanted, name), passedOver: [] };
  const { bitmap } = point.manifest;
  if (bitmap?.name !== name) {
    const text = `restore point ${point.number} did not begin bitmap '${name}'`;
    const hint = 'leave the point out to take the newest one that did';
    throw new TidemarkError('BITMAP_INVALID', text, {
      where: repository.label,
      bitmap: name,
      hint,
    });
  }
  try {
    const digests = await digestsOfPoint(repository, point);
    return { ...digests, passedOver, bitmap, checkpoint: bitmap.checkpoint };
  } catch (error) {
    throw withWayOut(error, name);
  }
}

async function openWanted(repository: Repository, drive: string, point: string, bitmap: string) {
  try {
    return await openPoint(repository, { drive, point });
  } catch (error) {
    throw withWayOut(error, bitmap);
  }
}

/** Any older point that began the bitmap will do, and there is no need to mend this one. */
function withWayOut(error: unknown, bitmap: string): unknown {
  if (!isTidemarkError(error, 'BACKUP_CORRUPT')) return error;
  const hint =
    `name an older restore point that began bitmap '${bitmap}' (--point): tidemark repo check tells ` +
    'which are whole; where none is, make a full backup by the bitmap';
  return new TidemarkError(error.code, error.message, { ...error.context, bitmap, hint }, error);
}

/**
 * A point that cannot be read is passed over: the bitmap that comes back tells of the point that it is
 * compared with, and the next increment stands on that one, be it the newest or not.
 */
async function newestOf(repository: Repository, drive: string, bitmap: string) {
  const points = allPoints(await repository.readRoot());
  const passedOver: DamagedPoint[] = [];
  let damage: TidemarkError | undefined;
  for (const { id, number, drive: its, checkpoint } of points.toReversed()) {
    if (its.id !== drive || checkpoint === null) continue;
    try {
      const point = await openPoint(repository, { drive, point: id });
      if (point.manifest.bitmap?.name === bitmap) return { point, passedOver };
    } catch (error) {
      if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
      damage ??= error;
      passedOver.push({ number, problem: error.message });
    }
  }
  // Of those that cannot be read one may have begun it.
  if (damage !== undefined) throw withWayOut(damage, bitmap);
  const where = repository.label;
  const text = `no restore point of '${drive}' in ${where} began bitmap '${bitmap}'`;
  const hint = 'make a full backup by the bitmap: it has no point to come back to';
  throw new TidemarkError('BACKUP_NOT_FOUND', text, { where, bitmap, hint });
}
