import { copyPoints, openRepository, type CopiedPoint } from '@tidemark/repository';
import { TidemarkError } from '@tidemark/core';
import { longWork } from '../long-work.ts';
import type { RepositoryFlags } from './flags.ts';
import { openPlace, readSecret, withRepository } from './open-place.ts';

export interface CopyFlags extends RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
  readonly rate?: number;
  readonly toPassphraseFile?: string;
  readonly toKeyFile?: string;
}

/** What became of a restore point. */
export interface CopiedToRepository {
  /** Id of the drive. */
  readonly drive: string;
  readonly label: string;
  readonly point: number;
  readonly state: CopiedPoint['state'];
  /** Its number there; null where it was left out. */
  readonly copy: number | null;
  /** Bytes of the drive that were read, and of packs that were written. */
  readonly read: number;
  readonly storedBytes: number;
  /** Why it was left out. */
  readonly problem?: string;
}

/** @throws as `copyPoints` */
export async function copyToRepository(
  place: string,
  target: string,
  flags: CopyFlags,
): Promise<readonly CopiedToRepository[]> {
  const { point, driveId: drive, rate, toPassphraseFile, toKeyFile } = flags;
  const secret = await readSecret({
    ...(toPassphraseFile !== undefined && { passphraseFile: toPassphraseFile }),
    ...(toKeyFile !== undefined && { keyFile: toKeyFile }),
  });
  return withRepository(place, flags, async (from) => {
    await using store = await openPlace(target);
    const to = await openRepository(store, { secret });
    const copied = await longWork('copy', (signal, progress) =>
      copyPoints({
        from,
        to,
        drive,
        point,
        rate,
        signal,
        onProgress: ({ done, total }) => progress.update(done, total),
      }),
    );
    return copied.map(describe);
  });
}

function describe({ drive, point, state, copy, read, storedBytes, error }: CopiedPoint) {
  const { id, label } = drive;
  const about = { drive: id, label, point: point.number, state, copy: copy?.number ?? null };
  return { ...about, read, storedBytes, ...(error && { problem: error.message }) };
}

/** Undefined: all that were to be copied are there. */
export function lackingCopies(
  place: string,
  copied: readonly CopiedToRepository[],
): TidemarkError | undefined {
  const damaged = copied.filter(({ state }) => state === 'damaged').length;
  if (damaged === 0) return undefined;
  const text = `${damaged} of the restore points of ${place} could not be copied: they are damaged`;
  const hint = `tidemark repo check ${place} tells more`;
  return new TidemarkError('BACKUP_CORRUPT', text, { where: place, hint });
}
