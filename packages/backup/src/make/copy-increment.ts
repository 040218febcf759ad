import type { BlockDevice } from '@tidemark/block';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { setImmediate } from 'node:timers/promises';
import { throwIfCancelled } from '../cancel.ts';
import type { Granules } from '../format/granules.ts';
import { dirtyRanges, knownRuns } from './copy-ranges.ts';
import type { ImageTarget } from './image-target.ts';

const SECTOR = 512;
/** Bytes after which others get their turn: signals, and who shows how far it is. */
const TURN = 16 * 1024 * 1024;

/** What `copyIncrement` copies, and where to. */
export interface CopyIncrementOptions {
  /** Must not change meanwhile. Stays open. */
  readonly source: BlockDevice;
  /** What is copied. */
  readonly content: DirtyBitmap;
  /** As large as the source. The caller finishes it, or gives it up. */
  readonly target: ImageTarget;
  /** Bytes that the target takes up at once, such as a cluster. Whole ones are copied. */
  readonly unit: number;
  /** Zeros are left out: the target has nothing behind it. Default false: they are told as such. */
  readonly skipZeros?: boolean;
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `copyIncrement` did. */
export interface CopiedIncrement {
  /** Bytes of the drive: what was dirty, and of it what was read, and what is zeros. */
  readonly copied: number;
  readonly read: number;
  readonly zero: number;
}

/**
 * Copies what a bitmap calls dirty to a target that is written in order, zeros as such: what QEMU's own
 * incremental backup leaves in its target. What is at hand is read in this tick, straight to where it
 * is written from; else many reads are under way.
 * @throws BITMAP_INVALID, BACKUP_DRIVE_MISMATCH (sizes), CANCELLED, and what the devices throw
 */
export async function copyIncrement(options: CopyIncrementOptions): Promise<CopiedIncrement> {
  const { source, content, target, unit, skipZeros = false, onProgress, signal } = options;
  checkSizes(options);
  const drive: Granules = { size: source.size, granularity: unit };
  let total = 0;
  for (const { length } of dirtyRanges(content, drive)) total += length;
  let [copied, read, zero] = [0, 0, 0];
  let turn = 0;
  for await (const runs of knownRuns(source, dirtyRanges(content, drive), drive)) {
    for (const { offset, length, zero: isZero } of runs) {
      if (isZero) {
        if (!skipZeros) await target.zeros(offset, length);
        zero += length;
        copied += length;
        continue;
      }
      for (let at = offset; at < offset + length;) {
        const room = target.room(at, offset + length - at);
        if (source.readNow?.(room, at) !== true) target.waitFor(source.read(room, at));
        at += room.length;
        read += room.length;
        copied += room.length;
        const wait = target.ready();
        if (wait !== undefined) await wait;
        if (read - turn < TURN) continue;
        turn = read;
        onProgress?.({ done: copied, total });
        await setImmediate();
        throwIfCancelled(signal);
      }
    }
    onProgress?.({ done: copied, total });
    throwIfCancelled(signal);
  }
  return { copied, read, zero };
}

function checkSizes({ source, content, target }: CopyIncrementOptions): void {
  const { size } = source;
  if (content.diskSize !== size) {
    const text = `a bitmap of a drive of ${content.diskSize} bytes does not fit one of ${size}`;
    throw new TidemarkError('BITMAP_INVALID', text, { where: source.label });
  }
  // An image counts sectors.
  if (target.size === Math.ceil(size / SECTOR) * SECTOR) return;
  const text = `${target.label} has ${target.size} bytes, and ${source.label} has ${size}`;
  throw new TidemarkError('BACKUP_DRIVE_MISMATCH', text, { where: target.label });
}
