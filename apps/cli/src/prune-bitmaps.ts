import { chainCheckpoint, openBackupDirectory } from '@tidemark/backup';
import { type BitmapInfo, type BitmapStore, TidemarkError } from '@tidemark/core';

export interface PruneOptions {
  /** Names with `*` for any characters and `?` for one. */
  readonly match?: string;
  /** Milliseconds. */
  readonly olderThan?: number;
  /** Only those that are inconsistent. */
  readonly inconsistent?: boolean;
  /** Directory of restore points, which tells when bitmaps began. */
  readonly backups?: string;
  readonly dryRun?: boolean;
}

export interface PrunedBitmap {
  readonly name: string;
  readonly state: BitmapInfo['state'];
  /** When it began; null where that was not asked for. */
  readonly began: string | null;
}

/**
 * Removes, in one durable step, the bitmaps that everything which is given applies to.
 * @throws BITMAP_UNSUPPORTED: of one of them it is not known when it began, so none is removed
 */
export async function pruneBitmaps(
  store: BitmapStore,
  options: PruneOptions,
): Promise<readonly PrunedBitmap[]> {
  const { match = '*', olderThan, inconsistent = false, dryRun = false } = options;
  const pattern = patternOf(match);
  const chosen = (await store.list()).filter(
    ({ name, state }) => pattern.test(name) && (!inconsistent || state === 'inconsistent'),
  );
  const pruned =
    olderThan === undefined
      ? chosen.map(({ name, state }) => ({ name, state, began: null }))
      : await olderOnes(chosen, olderThan, options.backups);
  if (pruned.length > 0 && !dryRun) {
    await store.commit(pruned.map(({ name }) => ({ op: 'remove', name })));
  }
  return pruned;
}

function patternOf(glob: string): RegExp {
  const parts = glob.split(/([*?])/u).map((part) => {
    if (part === '*') return '.*';
    return part === '?' ? '.' : part.replaceAll(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('')}$`, 'su');
}

async function olderOnes(
  bitmaps: readonly BitmapInfo[],
  olderThan: number,
  backups: string | undefined,
): Promise<readonly PrunedBitmap[]> {
  const times = backups === undefined ? new Map<string, string>() : await timesOf(backups);
  const limit = Date.now() - olderThan;
  return bitmaps.flatMap((bitmap) => {
    const { name, state } = bitmap;
    const checkpoint = bitmap.checkpoint ?? chainCheckpoint(name);
    const began = checkpoint === undefined ? undefined : times.get(checkpoint);
    if (began === undefined) throw ageUnknown(name, backups);
    return Date.parse(began) < limit ? [{ name, state, began }] : [];
  });
}

/** When each checkpoint was that a restore point stands for. */
async function timesOf(path: string): Promise<Map<string, string>> {
  const directory = await openBackupDirectory(path);
  const times = new Map<string, string>();
  for (const point of await directory.list()) {
    if ('problem' in point) continue;
    const { bitmap, created } = point.manifest;
    if (bitmap !== null) times.set(bitmap.checkpoint, created);
  }
  return times;
}

function ageUnknown(bitmap: string, backups: string | undefined): TidemarkError {
  const where = backups === undefined ? '' : `, and no restore point in '${backups}' began it`;
  return new TidemarkError(
    'BITMAP_UNSUPPORTED',
    `bitmap '${bitmap}' carries no time${where}, so nothing was removed by age`,
    {
      bitmap,
      hint:
        backups === undefined
          ? 'name the directory of its backups with --backups, or choose with --match'
          : 'leave it out with --match, or remove it by its name',
    },
  );
}
