import {
  type BitmapInfo,
  type BitmapStore,
  type DirtyBitmap,
  isTidemarkError,
} from '@tidemark/core';
import { describeRecovery, type RecoveryInfo } from '@tidemark/tracking';
import { bitmapsAsSeen } from './bitmaps-as-seen.ts';
import type { NextBackup } from './plan-next.ts';
import type { Session } from './session.ts';

export interface ListedBitmap extends Omit<BitmapInfo, 'recovered'> {
  /** Null where the content cannot be trusted or read. */
  readonly dirtyBytes: number | null;
  /** The session before was not closed: what is dirty, and how much of it may be too much. Bytes. */
  readonly recovered?: RecoveryInfo;
  /** Where a directory of backups was named. */
  readonly nextBackup?: NextBackup;
}

export interface ListOptions {
  /** Directory of restore points. */
  readonly backups?: string;
  readonly driveId?: string;
  readonly forceShare?: boolean;
  /** Hears of contents that cannot be read: one that is damaged must not hide the others. */
  readonly onProblem: (problem: Error) => void;
}

export async function listBitmaps(
  session: Session,
  options: ListOptions,
): Promise<readonly ListedBitmap[]> {
  const { store, drive } = session;
  const listed: ListedBitmap[] = [];
  for (const { recovered, ...info } of await bitmapsAsSeen(session, options)) {
    const content = await readContent(store!, info, options);
    const next = options.backups !== undefined && {
      nextBackup: await (
        await import('./plan-next.ts')
      ).planNext(info, content, drive, options.backups, options.driveId),
    };
    const recovery = recovered === true && content && { recovered: describeRecovery(content) };
    listed.push({ ...info, dirtyBytes: content?.dirtyBytes ?? null, ...recovery, ...next });
  }
  return listed;
}

async function readContent(
  store: BitmapStore,
  { name, state }: BitmapInfo,
  { onProblem }: ListOptions,
): Promise<DirtyBitmap | undefined> {
  if (state !== 'stored') return undefined;
  try {
    return await store.load(name);
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    onProblem(error);
    return undefined;
  }
}
