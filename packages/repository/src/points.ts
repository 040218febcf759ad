import { TidemarkError } from '@tidemark/core';
import type { PointManifest } from './format/manifest.ts';
import type { Root, RootDrive, RootPoint } from './format/root.ts';
import type { Repository } from './repository.ts';

/** A restore point that the root names. */
export interface NamedPoint extends RootPoint {
  readonly drive: Pick<RootDrive, 'id' | 'label'>;
}

/** A restore point whose manifest was found whole. */
export interface OpenPoint extends NamedPoint {
  readonly manifest: PointManifest;
}

/** The restore points of all drives, with the drive of each. */
export function allPoints({ drives }: Root): readonly NamedPoint[] {
  return drives.flatMap(({ id, label, points }) =>
    points.map((point) => ({ ...point, drive: { id, label } })),
  );
}

/** Which point is meant. */
export interface PointChoice {
  /** Its number, the first digits of its id (at least 6), or `latest`. Default `latest`. */
  readonly point?: string | undefined;
  /** Id or label of the drive; can be left out where there is one. */
  readonly drive?: string | undefined;
}

/** @throws BACKUP_NOT_FOUND; USAGE: more than one is meant */
export function choosePoint(root: Root, choice: PointChoice, where: string): NamedPoint {
  const { point = 'latest' } = choice;
  const byId = /^[0-9a-f]{6,64}$/.test(point) && !/^\d{6}$/.test(point);
  const drives = chooseDrives(root, choice.drive, where);
  if (byId) {
    const found = allPoints({ ...root, drives }).filter(({ id }) => id.startsWith(point));
    if (found.length > 1) throw ambiguous(where, `restore point '${point}'`, 'give more digits');
    if (found.length === 1) return found[0]!;
    throw notFound(where, `restore point '${point}'`);
  }
  if (drives.length > 1) {
    throw ambiguous(where, `restore point '${point}'`, 'name the drive with --drive-id');
  }
  const drive = drives[0]!;
  const found =
    point === 'latest'
      ? drive.points.at(-1)
      : drive.points.find(({ number }) => String(number) === point.replace(/^0+(?=\d)/, ''));
  if (found === undefined) throw notFound(where, `restore point '${point}' of '${drive.label}'`);
  return { ...found, drive: { id: drive.id, label: drive.label } };
}

/** @throws BACKUP_NOT_FOUND */
export function chooseDrives(
  { drives }: Root,
  wanted: string | undefined,
  where: string,
): readonly RootDrive[] {
  const withPoints = drives.filter(({ points }) => points.length > 0);
  const byId = withPoints.filter(({ id }) => id === wanted);
  const found =
    wanted === undefined
      ? withPoints
      : byId.length > 0
        ? byId
        : withPoints.filter(({ label }) => label === wanted);
  if (found.length > 0) return found;
  throw notFound(where, wanted === undefined ? 'restore point' : `drive '${wanted}'`);
}

/**
 * A point with its manifest, which has to be what the root says of it.
 * @throws BACKUP_NOT_FOUND, BACKUP_CORRUPT, BACKUP_PARENT_MISMATCH (it stands on a point that cannot
 *   be its parent), USAGE
 */
export async function openPoint(repository: Repository, choice: PointChoice): Promise<OpenPoint> {
  const root = await repository.readRoot();
  const named = choosePoint(root, choice, repository.label);
  const manifest = await repository.readManifest(named.id);
  if (manifest.drive.id !== named.drive.id) {
    throw wrongParent(named, `it is of drive '${manifest.drive.id}'`);
  }
  await checkParent(repository, root, named, manifest);
  return { ...named, manifest };
}

/** A parent that was forgotten is none to look at: a point has all of its drive in its own map. */
async function checkParent(
  repository: Repository,
  root: Root,
  point: NamedPoint,
  { parent, drive, granularity }: PointManifest,
): Promise<void> {
  if (parent === null) return;
  const found = allPoints(root).find(({ id }) => id === parent);
  if (found === undefined) return;
  const isEarlier = found.drive.id === point.drive.id && found.number < point.number;
  if (!isEarlier) throw wrongParent(point, 'its parent is not an earlier point of its drive');
  const before = await repository.readManifest(parent);
  if (before.drive.size === drive.size && before.granularity === granularity) return;
  throw wrongParent(point, 'its parent is of another size or granularity');
}

function wrongParent({ number, drive }: NamedPoint, reason: string): TidemarkError {
  const text = `restore point ${number} of '${drive.label}' cannot be used: ${reason}`;
  const hint = 'restore another point, and make a full backup';
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { hint });
}

function notFound(where: string, what: string): TidemarkError {
  const hint = 'tidemark repo list shows what there is';
  return new TidemarkError('BACKUP_NOT_FOUND', `there is no ${what} in ${where}`, { where, hint });
}

function ambiguous(where: string, what: string, hint: string): TidemarkError {
  return new TidemarkError('USAGE', `more than one is meant by ${what} in ${where}`, {
    where,
    hint,
  });
}
