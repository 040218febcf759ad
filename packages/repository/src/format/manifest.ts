import type { DriveIdentity } from '@tidemark/backup';
import { decodeDriveAndBitmap, isGranularity, JsonFields } from '@tidemark/backup/parts';
import { corrupt } from './corrupt.ts';
import { encodeJson, parseJson } from './json.ts';
import { MAX_MANIFEST_SIZE } from './limits.ts';

const FORMAT = 'tidemark-repository-point';
const VERSION = 1;

/** Whether all of the drive was looked at for a point, or what a bitmap called dirty. */
export type PointKind = 'full' | 'incremental';

/** What one backup did. Bytes of the drive, but for `storedBytes`. */
export interface PointTotals {
  /** What was looked at: all of the drive, or what its bitmap called dirty. */
  readonly looked: number;
  readonly read: number;
  /** Of what was looked at: zeros, known or read. */
  readonly zero: number;
  /** Of what was looked at: content that no earlier point had. */
  readonly fresh: number;
  /** Bytes of the packs that hold it. */
  readonly storedBytes: number;
}

/** The bitmap that began anew at a restore point. */
export interface PointBitmap {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  /** Names this point in the bitmap itself: what records since then is what changed since. */
  readonly checkpoint: string;
}

/** docs/repository-format.md, "Manifest". */
export interface PointManifest {
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly kind: PointKind;
  /** Why it is of this kind, in words. */
  readonly reason: string;
  /** Id of the point that it was made on; null for a full one. */
  readonly parent: string | null;
  readonly drive: DriveIdentity & { readonly size: number };
  /** Bytes. */
  readonly granularity: number;
  /** The bitmap that begins anew here, and that said what to look at where it is incremental. */
  readonly bitmap: PointBitmap | null;
  /** The same for all drives that were backed up as one checkpoint; null for a drive alone. */
  readonly set: string | null;
  /** Digest of the highest node of the map; null where all of the drive is zeros. */
  readonly map: string | null;
  readonly totals: PointTotals;
  /**
   * Of a copy: id of the point that it is of, in the repository where that was made. Absent where the
   * copy has the same id.
   */
  readonly origin?: string | undefined;
}

/** The same for a point and for all copies of it, whatever ids they have. */
export function originOf(id: string, { origin }: PointManifest): string {
  return origin ?? id;
}

export function encodeManifest(manifest: PointManifest): Uint8Array {
  return encodeJson({ format: FORMAT, version: VERSION, ...manifest });
}

/** @throws BACKUP_CORRUPT; also for a version that is not known */
export function decodeManifest(bytes: Uint8Array, where: string): PointManifest {
  const fields = new JsonFields(parseJson(bytes, MAX_MANIFEST_SIZE, where), where);
  fields.oneOf('format', [FORMAT]);
  fields.oneOf('version', [VERSION]);
  const totals = fields.object('totals');
  const manifest: PointManifest = {
    created: fields.text('created', 64),
    kind: fields.oneOf('kind', ['full', 'incremental'] as const),
    reason: fields.text('reason'),
    parent: fields.isNull('parent') ? null : fields.digest('parent'),
    ...decodeDriveAndBitmap(fields),
    granularity: fields.size('granularity'),
    set: fields.isNull('set') ? null : fields.text('set', 32),
    map: fields.isNull('map') ? null : fields.digest('map'),
    totals: {
      looked: totals.size('looked'),
      read: totals.size('read'),
      zero: totals.size('zero'),
      fresh: totals.size('fresh'),
      storedBytes: totals.size('storedBytes'),
    },
    ...(fields.has('origin') && { origin: fields.digest('origin') }),
  };
  const { kind, parent, granularity } = manifest;
  if (!isGranularity(granularity)) throw corrupt(where, `${granularity} is not a granularity`);
  if ((kind === 'full') !== (parent === null)) {
    throw corrupt(where, 'only an incremental point has a parent');
  }
  return manifest;
}
