import { mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyIncrement } from '@tidemark/backup';
import { fromSystemError } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { createWholeImage } from '@tidemark/drive';
import {
  chooseDrives,
  differences,
  type OpenPoint,
  openPoint,
  openPointDevice,
  type Repository,
} from '@tidemark/repository';
import { longWork } from '../long-work.ts';
import type { CopyFlags } from './copy-to-repository.ts';
import { withRepository } from './open-place.ts';

const CLUSTER = 65_536;
/** Digits of a file's name, so that names are in the order of points. */
const DIGITS = 6;

/** An image that was written, or that was there. */
export interface ExportedPoint {
  readonly point: number;
  readonly image: string;
  /** Of the image behind it; null: it has all of the drive. */
  readonly backing: string | null;
  /** Bytes of the drive that the image holds; 0 where it was there. */
  readonly copied: number;
  readonly wasThere: boolean;
}

/**
 * Writes the points of a drive as qcow2 images, each with what differs from the one before, which is its
 * backing file. An image appears when it is whole, so what is there from another time is kept.
 * @throws BACKUP_NOT_FOUND, BACKUP_CORRUPT, CANCELLED; USAGE: more than one drive is meant
 */
export async function exportPoints(
  place: string,
  folder: string,
  flags: CopyFlags,
): Promise<readonly ExportedPoint[]> {
  refuseCopyFlags(folder, flags);
  const { point, driveId } = flags;
  return withRepository(place, flags, async (repository) => {
    const last = await openPoint(repository, { point, drive: driveId });
    const [drive] = chooseDrives(await repository.readRoot(), last.drive.id, repository.label);
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw fromSystemError(error, folder);
    });
    const exported: ExportedPoint[] = [];
    let before: OpenPoint | undefined;
    for (const { id, number } of drive!.points) {
      if (number > last.number) break;
      const now = await openPoint(repository, { drive: drive!.id, point: id });
      const comparable = before !== undefined && isLike(before, now) ? before : undefined;
      exported.push(await exportPoint(repository, folder, now, comparable));
      before = now;
    }
    return exported;
  });
}

async function exportPoint(
  repository: Repository,
  folder: string,
  now: OpenPoint,
  before: OpenPoint | undefined,
): Promise<ExportedPoint> {
  const image = join(folder, nameOf(now));
  const backing = before === undefined ? null : nameOf(before);
  const about = { point: now.number, image, backing };
  if (existsSync(image)) return { ...about, copied: 0, wasThere: true };
  const { drive, granularity } = now.manifest;
  const content = new DirtyBitmap(drive.size, granularity);
  for await (const { offset, length } of differences(repository, now, before)) {
    content.set(offset, length);
  }
  const source = await openPointDevice(repository, now);
  const options = {
    size: drive.size,
    clusterSize: CLUSTER,
    expected: content.dirtyBytes,
    ...(backing !== null && { backing: { name: backing, format: 'qcow2' } }),
  };
  const { copied } = await createWholeImage(image, options, (target) =>
    longWork('export', (signal, progress) =>
      copyIncrement({
        source,
        content,
        target,
        unit: CLUSTER,
        skipZeros: backing === null,
        signal,
        onProgress: ({ done, total }) => progress.update(done, total),
      }),
    ),
  );
  return { ...about, copied, wasThere: false };
}

/** @throws USAGE */
function refuseCopyFlags(where: string, { rate, toPassphraseFile, toKeyFile }: CopyFlags): void {
  if ((rate ?? toPassphraseFile ?? toKeyFile) === undefined) return;
  const text = `there is no repository in '${where}', and the flags are for a copy into one`;
  const hint = `tidemark repo create ${where} makes one`;
  throw new TidemarkError('USAGE', text, { where, hint });
}

/** Also of another repository's point: nobody takes one for the other. */
function nameOf({ number, id }: OpenPoint): string {
  return `${String(number).padStart(DIGITS, '0')}-${id.slice(0, 8)}.qcow2`;
}

function isLike(a: OpenPoint, b: OpenPoint): boolean {
  const [one, other] = [a.manifest, b.manifest];
  return one.drive.size === other.drive.size && one.granularity === other.granularity;
}
