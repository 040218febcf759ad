import { TidemarkError } from '@tidemark/core';
import { planPoint } from '../make/plan.ts';
import type { Repository } from '../repository.ts';
import {
  digestsForBitmap,
  type RepositoryDigests,
  type RepositoryDigestsOptions,
} from './point-digests.ts';

/** Which bitmap of which drive is to come back. */
export interface RepositoryRescanOptions extends RepositoryDigestsOptions {
  /** Bytes of the drive now. */
  readonly size: number;
}

/**
 * As `digestsForBitmap`, where the next backup by the bitmap is going to be an increment.
 * @throws as that; BACKUP_PARENT_MISMATCH: the next backup is full anyhow
 */
export async function planRepositoryRescan(
  repository: Repository,
  { size, ...options }: RepositoryRescanOptions,
): Promise<RepositoryDigests> {
  const { drive, bitmap: name } = options;
  const digests = await digestsForBitmap(repository, options);
  const { granularity } = digests.bitmap;
  const { checkpoint } = digests;
  const bitmap = { name, content: { diskSize: size, granularity }, checkpoint };
  const root = await repository.readRoot();
  const { parent, reason } = await planPoint(repository, root, { drive, size, bitmap });
  if (parent !== undefined) return digests;
  const text = `a rescan of bitmap '${name}' is in vain, the next backup is full: ${reason}`;
  const hint = 'make that full backup, and the bitmap begins anew with it';
  const where = repository.label;
  throw new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, bitmap: name, hint });
}
