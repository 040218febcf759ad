import { TidemarkError } from '@tidemark/core';
import { refusal } from '../errors.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { isId } from '../nodes/names.ts';
import type { BackupOptions, BitmapMode } from './backup-options.ts';
import { checkSpeed } from './job.ts';

/** How a bitmap takes part in a backup. */
export interface BackupBitmap {
  readonly name: string;
  readonly mode: BitmapMode;
  /** Whether it says what is copied. */
  readonly selects: boolean;
}

const MOST_WORKERS = 2 ** 31 - 1;

/** @throws USAGE, in QEMU's words and in its order: options that do not go together */
export function checkBitmapOptions(options: BackupOptions): BackupBitmap | undefined {
  const { sync, bitmap: name, 'bitmap-mode': given } = options;
  const selects = sync === 'incremental' || sync === 'bitmap';
  if (selects && name === undefined) {
    throw refusal(`must provide a valid bitmap name for '${sync}' sync mode`);
  }
  if (sync === 'incremental' && given !== undefined && given !== 'on-success') {
    throw refusal("Bitmap sync mode must be 'on-success' when using sync mode 'incremental'");
  }
  const workers = options['x-perf']?.['max-workers'] ?? 1;
  if (workers < 1 || workers > MOST_WORKERS) {
    throw refusal(`max-workers must be between 1 and ${MOST_WORKERS}`);
  }
  if ((options['x-perf']?.['max-chunk'] ?? 0) < 0) {
    throw refusal('max-chunk must be zero (which means no limit) or positive');
  }
  if (name === undefined) {
    if (given !== undefined) throw refusal('Cannot specify bitmap sync mode without a bitmap');
    return undefined;
  }
  const mode = sync === 'incremental' ? 'on-success' : given;
  if (mode === undefined) throw refusal('Bitmap sync mode must be given when providing a bitmap');
  return { name, mode, selects };
}

/** @throws USAGE, in QEMU's words: nodes and bitmaps that cannot be backed up so */
export function checkBackupNodes(
  { sync, compress = false, 'filter-node-name': filter, speed = 0 }: BackupOptions,
  bitmap: BackupBitmap | undefined,
  { source, target }: { readonly source: BlockNode; readonly target: BlockNode },
): void {
  if (source === target) throw refusal('Source and target cannot be the same');
  if (compress) throw refusal(`Compression is not supported for this drive ${target.name}`);
  for (const node of [source, target]) {
    const isTarget = [...node.users].some(({ kind }) => kind === 'job target');
    // QEMU takes a second job on a source as well.
    if (isTarget || (node === target && isSourceOfJob(target))) {
      throw refusal(`Node '${node.name}' is busy: block device is in use by block job: backup`);
    }
  }
  if (!target.disk.writable) throw refusal('Block node is read-only');
  if (bitmap !== undefined) checkMode(sync, bitmap);
  if (source.device.size !== target.device.size) {
    throw refusal('Source and target image have different sizes');
  }
  if (filter !== undefined && !isId(filter)) {
    throw refusal(`Could not create node: Invalid node-name: '${filter}'`);
  }
  checkSpeed(speed);
}

function isSourceOfJob({ users }: BlockNode): boolean {
  return [...users].some(({ kind }) => kind === 'job source');
}

function checkMode(sync: BackupOptions['sync'], { mode, selects }: BackupBitmap): void {
  if (selects) return;
  if (sync === 'none') throw refusal("sync mode 'none' does not produce meaningful bitmap outputs");
  if (mode === 'never') {
    const text = `has no meaningful effect when combined with sync mode '${sync}'`;
    throw refusal(`Bitmap sync mode 'never' ${text}`);
  }
}

export function bitmapMissing(name: string): TidemarkError {
  return new TidemarkError('BITMAP_NOT_FOUND', `Bitmap '${name}' could not be found`, {
    bitmap: name,
  });
}
