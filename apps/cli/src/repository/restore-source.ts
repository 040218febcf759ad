import { openPoint, restorePoint } from '@tidemark/repository';
import { TidemarkError } from '@tidemark/core';
import { parseSize } from '@tidemark/program';
import type { RestoreSource } from '../restore-to.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

export interface RepositoryRestoreFlags extends RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
  readonly range?: string;
}

/** A restore point in a repository, open while `work` runs. */
export async function withRestoreSource<T>(
  place: string,
  { point: wanted, driveId, range, ...flags }: RepositoryRestoreFlags,
  work: (source: RestoreSource) => Promise<T>,
): Promise<T> {
  const part = range === undefined ? undefined : parseRange(range);
  return withRepository(place, flags, async (repository) => {
    const point = await openPoint(repository, { point: wanted, drive: driveId });
    const { drive } = point.manifest;
    return work({
      point: String(point.number),
      size: part?.length ?? drive.size,
      // A part of an image is the bytes of a disk, and no image.
      format: drive.format === 'qcow2' && part === undefined ? 'qcow2' : 'raw',
      restore: async (target, options) => {
        const { bytesWritten } = await restorePoint({
          repository,
          point,
          target,
          range: part,
          ...options,
        });
        return { chainLength: 1, bytesWritten };
      },
    });
  });
}

/** `OFFSET:LENGTH`. @throws USAGE */
function parseRange(text: string): { readonly offset: number; readonly length: number } {
  const [offset, length, ...more] = text.split(':');
  if (offset === undefined || length === undefined || more.length > 0) {
    throw new TidemarkError('USAGE', `'${text}' is not a range`, {
      hint: 'give OFFSET:LENGTH in bytes, such as 1M:64k',
    });
  }
  return { offset: parseSize(offset), length: parseSize(length) };
}
