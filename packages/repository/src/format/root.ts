import { JsonFields } from '@tidemark/backup/parts';
import { corrupt } from './corrupt.ts';
import { encodeJson, parseJson } from './json.ts';
import { MAX_CONDEMNED, MAX_DRIVES, MAX_POINTS, MAX_ROOT_SIZE } from './limits.ts';

const FORMAT = 'tidemark-repository-root';
const VERSION = 1;

/** A restore point as the root names it. */
export interface RootPoint {
  /** Digest of its manifest, in hex. */
  readonly id: string;
  /** Of its drive: ascending, and never used twice. */
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** Of the bitmap that begins anew there, as its manifest has it; null where none does. */
  readonly checkpoint: string | null;
}

/** A drive of a repository with its points. */
export interface RootDrive {
  /** Which drive it is, as `DriveIdentity` has it. */
  readonly id: string;
  readonly label: string;
  /** The highest number that a point of it had. */
  readonly last: number;
  /** Oldest first. */
  readonly points: readonly RootPoint[];
}

/** What the one reference of a repository holds: a point is there when it is named here. */
export interface Root {
  readonly drives: readonly RootDrive[];
  /** How often packs were condemned: who began before has to look whether its own still are there. */
  readonly prunes: number;
  /** Packs that nobody may use any more, and that somebody is removing. Ids in hex. */
  readonly condemned: readonly string[];
}

export const EMPTY_ROOT: Root = { drives: [], prunes: 0, condemned: [] };

export function encodeRoot(root: Root): Uint8Array {
  return encodeJson({ format: FORMAT, version: VERSION, ...root });
}

/** @throws BACKUP_CORRUPT */
export function decodeRoot(bytes: Uint8Array, where: string): Root {
  const fields = new JsonFields(parseJson(bytes, MAX_ROOT_SIZE, where), where);
  fields.oneOf('format', [FORMAT]);
  fields.oneOf('version', [VERSION]);
  const drives = fields.objects('drives', MAX_DRIVES).map((drive) => decodeDrive(drive, where));
  const known = new Set(drives.map(({ id }) => id));
  if (known.size < drives.length) throw corrupt(where, 'it names a drive twice');
  return {
    drives,
    prunes: fields.size('prunes'),
    condemned: fields.digests('condemned', MAX_CONDEMNED),
  };
}

function decodeDrive(drive: JsonFields, where: string): RootDrive {
  const points = drive.objects('points', MAX_POINTS).map((point) => ({
    id: point.digest('id'),
    number: point.size('number'),
    created: point.text('created', 64),
    checkpoint: point.isNull('checkpoint') ? null : point.text('checkpoint', 32),
  }));
  const last = drive.size('last');
  let before = 0;
  for (const { number } of points) {
    if (number <= before || number > last) throw corrupt(where, 'its points are out of order');
    before = number;
  }
  return { id: drive.text('id'), label: drive.text('label'), last, points };
}
