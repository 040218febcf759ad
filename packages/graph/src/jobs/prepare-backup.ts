import type { DirtyBitmap } from '@tidemark/core';
import type { DriveAction, TrackedDrive } from '@tidemark/tracking';
import type { BlockNode } from '../nodes/block-node.ts';
import type { BackupOptions } from './backup-options.ts';
import { BackupWork } from './backup-work.ts';
import {
  type BackupBitmap,
  bitmapMissing,
  checkBackupNodes,
  checkBitmapOptions,
} from './check-backup.ts';
import type { NewJob } from './job-table.ts';

/** Bytes: QEMU copies no less at a time. */
const SMALLEST_CLUSTER = 65_536;

/** A backup that is checked, and begins with the transaction that its actions are part of. */
export interface PreparedBackup {
  readonly actions: readonly DriveAction[];
  readonly job: NewJob;
}

export interface PrepareBackupOptions {
  readonly options: BackupOptions;
  readonly source: BlockNode;
  readonly target: BlockNode;
  /** Names of bitmaps of the source that the same transaction makes before. */
  readonly coming: ReadonlySet<string>;
  readonly checkId: (id: string) => void;
  /** Takes away what was made for the job alone. */
  readonly dispose: () => Promise<void>;
  readonly log: (message: string) => void;
}

/**
 * Nothing is changed but that both nodes are in use: who does not go on calls `job.work.clean`.
 * @throws USAGE, BITMAP_NOT_FOUND
 */
export async function prepareBackup(about: PrepareBackupOptions): Promise<PreparedBackup> {
  const { options, source, target, coming } = about;
  const bitmap = checkBitmapOptions(options);
  const drive = await source.drive();
  if (bitmap !== undefined && !coming.has(bitmap.name)) await checkThere(drive, bitmap);
  checkBackupNodes(options, bitmap, { source, target });
  const id = options['job-id'] ?? source.deviceName;
  about.checkId(id);
  await target.drive();
  const work = newWork(about, drive, bitmap);
  return {
    actions: beginning(about, { drive, bitmap, work }),
    job: {
      id,
      work,
      speed: options.speed ?? 0,
      autoFinalize: options['auto-finalize'] ?? true,
      autoDismiss: options['auto-dismiss'] ?? true,
    },
  };
}

async function checkThere(drive: TrackedDrive, { name }: BackupBitmap): Promise<void> {
  const bitmaps = await drive.list();
  if (!bitmaps.some((info) => info.name === name)) throw bitmapMissing(name);
}

function newWork(
  { options, source, target, dispose, log }: PrepareBackupOptions,
  drive: TrackedDrive,
  bitmap: BackupBitmap | undefined,
): BackupWork {
  return new BackupWork({
    source,
    target,
    drive,
    bitmap,
    cluster: Math.max(SMALLEST_CLUSTER, target.disk.image?.info.clusterSize ?? 0),
    sync: options.sync,
    onSourceError: options['on-source-error'] ?? 'report',
    onTargetError: options['on-target-error'] ?? 'report',
    isFleecing: isBehind(source, target),
    dispose,
    log,
  });
}

/** Whether a node reads from another one what it has not got itself. */
function isBehind(behind: BlockNode, node: BlockNode): boolean {
  for (let at = node.backing; at !== undefined; at = at.backing) if (at === behind) return true;
  return false;
}

/** Bits and writes are parted in one tick, over all drives of the transaction. */
function beginning(
  { source }: PrepareBackupOptions,
  parts: {
    readonly drive: TrackedDrive;
    readonly bitmap: BackupBitmap | undefined;
    readonly work: BackupWork;
  },
): readonly DriveAction[] {
  const { drive, bitmap, work } = parts;
  const { copy } = work;
  const pending = copy.nothing();
  if (bitmap?.selects !== true) pending.setAll();
  const freeze: DriveAction[] = [];
  if (bitmap !== undefined) {
    const { name, mode, selects } = bitmap;
    const begun = ({ id, bits }: { readonly id: string; readonly bits: DirtyBitmap }) => {
      work.freezeId = id;
      if (selects) pending.merge(bits);
    };
    const use = mode === 'never' ? 'read' : 'change';
    freeze.push({ drive, action: { op: 'freeze', name, use, begun } });
  }
  const begin = () => {
    copy.begin(pending);
    source.device.addFilter(copy);
  };
  const undo = () => {
    source.device.removeFilter(copy);
    work.freezeId = undefined;
  };
  return [...freeze, { drive, action: { op: 'instant', begin, undo } }];
}
