import { realpath } from 'node:fs/promises';
import { planRescan } from '@tidemark/backup';
import { TidemarkError } from '@tidemark/core';
import { DirectoryObjectStore } from '@tidemark/object-store';
import type { QmpRescanRequest } from '@tidemark/qmp';
import {
  type DamagedPoint,
  isRepository,
  openRepository,
  planRepositoryRescan,
  trustedFor,
} from '@tidemark/repository';
import type { DigestSource, TrackedDrive, TrustedBitmap } from '@tidemark/tracking';

/** A drive that a bitmap can come back to. */
export interface RescannedDrive {
  /** Absent for a drive that is no file and no export. */
  readonly path: string | undefined;
  readonly isRemote: boolean;
  readonly tracked: TrackedDrive;
}

/** What a drive is compared with. */
export interface RescanSource {
  readonly point: string;
  /** Bytes, of the bitmap that comes back. */
  readonly granularity: number;
  readonly digests: DigestSource;
  /** Newer points that cannot be read. */
  readonly passedOver: readonly DamagedPoint[];
  /** A bitmap by which most need not be read. */
  readonly trusted: TrustedBitmap | undefined;
}

/** @throws BITMAP_UNSUPPORTED; as `planRescan` and `planRepositoryRescan` */
export async function findRescanSource(
  { path, isRemote, tracked }: RescannedDrive,
  { node, name: bitmap, directory, point, driveId, all }: QmpRescanRequest,
): Promise<RescanSource> {
  if (path === undefined) {
    const text = `drive '${node}' is in memory, and its bitmaps end with it`;
    const hint = 'rescan a drive that is a file';
    throw new TidemarkError('BITMAP_UNSUPPORTED', text, { where: node, bitmap, hint });
  }
  const drive = { id: driveId ?? (isRemote ? path : await realpath(path)) };
  const { size } = tracked.device;
  // It holds nothing open that would have to be closed when the rescan is over.
  const store = new DirectoryObjectStore(directory);
  if (!(await isRepository(store))) {
    const digests = await planRescan({ target: directory, drive, size, bitmap, point });
    const { granularity } = digests.bitmap;
    return { point: digests.point, granularity, digests, passedOver: [], trusted: undefined };
  }
  const repository = await openRepository(store);
  const digests = await planRepositoryRescan(repository, { drive, size, bitmap, point });
  const found =
    all === true ? undefined : await trustedFor(repository, digests, await tracked.list());
  const { granularity } = digests.bitmap;
  const { point: compared, passedOver } = digests;
  const of = { point: String(compared.number), granularity, passedOver };
  return { ...of, digests, trusted: found?.trusted };
}
