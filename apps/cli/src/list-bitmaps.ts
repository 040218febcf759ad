import { chainCheckpoint, planBackup } from '@tidemark/backup';
import {
  type BitmapInfo,
  type BitmapStore,
  type DirtyBitmap,
  isTidemarkError,
} from '@tidemark/core';
import { describeRecovery, type RecoveryInfo } from '@tidemark/tracking';
import { idOf } from './back-up.ts';
import { bitmapsAsSeen } from './bitmaps-as-seen.ts';
import type { Session } from './session.ts';

/** What the next backup by a bitmap is going to be. */
interface NextBackup {
  /** `refused`: the bitmap cannot be used as it is. */
  readonly kind: 'incremental' | 'full' | 'refused';
  /** In words, for people. */
  readonly reason: string;
}

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
      nextBackup: await planNext(info, content, options.backups, {
        id: options.driveId ?? (await idOf(drive.path)),
        size: drive.device.size,
      }),
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

async function planNext(
  { name, state, enabled, reason, checkpoint, checkpointLost }: BitmapInfo,
  content: DirtyBitmap | undefined,
  target: string,
  { id, size }: { readonly id: string; readonly size: number },
): Promise<NextBackup> {
  if (content === undefined) {
    const why = reason === undefined ? `it is ${state}` : `it cannot be trusted: ${reason}`;
    return { kind: 'refused', reason: `bitmap '${name}' cannot be used: ${why}` };
  }
  if (!enabled) {
    return { kind: 'refused', reason: `bitmap '${name}' is disabled and misses writes` };
  }
  // One of a chain is known by its name, whatever became of its token.
  const begun = chainCheckpoint(name) ?? checkpoint;
  const bitmap = { name, content, checkpoint: begun, checkpointLost };
  const { kind, reason: because } = await planBackup({ target, drive: { id }, size, bitmap });
  return { kind, reason: because };
}
