import type { BlockDevice } from '@tidemark/block';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { Granules } from '../format/granules.ts';
import { runInFlight } from '../use/in-flight.ts';
import { throwIfCancelled } from '../cancel.ts';
import { copyRanges, type CopyRange, dirtyRanges, windows } from './copy-ranges.ts';

/** Bytes of one write at most; at least a unit. */
const PIECE_SIZE = 1024 * 1024;
/** What a cold disk needs to be kept busy. */
const IN_FLIGHT = 16;

export interface CopyIncrementOptions {
  /** Must not change meanwhile. Stays open. */
  readonly source: BlockDevice;
  /** What is copied. */
  readonly content: DirtyBitmap;
  /** As large as the source. Flushed at the end, stays open. */
  readonly target: BlockDevice;
  /** Bytes that the target takes up at once, such as a cluster of up to 1 MiB. Whole ones are copied. */
  readonly unit: number;
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CopiedIncrement {
  /** Bytes of the drive: what was dirty, and of it what was read, and what is zeros. */
  readonly copied: number;
  readonly read: number;
  readonly zero: number;
}

/**
 * Copies what a bitmap calls dirty to another device, zeros as such: what QEMU's own incremental
 * backup leaves in its target. Durable when this resolves.
 * @throws BITMAP_INVALID, BACKUP_DRIVE_MISMATCH (sizes), CANCELLED, and what the devices throw
 */
export async function copyIncrement(options: CopyIncrementOptions): Promise<CopiedIncrement> {
  const { source, content, target, unit, onProgress, signal } = options;
  checkSizes(options);
  const drive: Granules = { size: source.size, granularity: unit };
  let total = 0;
  for (const { length } of dirtyRanges(content, drive)) total += length;
  let [copied, read, zero] = [0, 0, 0];
  const buffers: Uint8Array[] = [];
  await runInFlight(piecesToCopy(source, content, drive), IN_FLIGHT, async (piece) => {
    throwIfCancelled(signal);
    const { offset, length } = piece;
    if (piece.zero) {
      await target.writeZeroes(offset, length);
      zero += length;
    } else {
      const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(PIECE_SIZE);
      const bytes = buffer.subarray(0, length);
      // What is in memory costs a fraction so.
      if (source.readNow?.(bytes, offset) !== true) await source.read(bytes, offset);
      await target.write(bytes, offset);
      buffers.push(buffer);
      read += length;
    }
    copied += length;
    onProgress?.({ done: copied, total });
  });
  await target.flush();
  return { copied, read, zero };
}

async function* piecesToCopy(
  source: BlockDevice,
  content: DirtyBitmap,
  drive: Granules,
): AsyncGenerator<CopyRange> {
  for (const part of windows(dirtyRanges(content, drive))) {
    for await (const { offset, length, zero } of copyRanges(source, part, drive)) {
      const step = zero ? length : PIECE_SIZE;
      for (let at = 0; at < length; at += step) {
        yield { offset: offset + at, length: Math.min(step, length - at), zero };
      }
    }
  }
}

function checkSizes({ source, content, target }: CopyIncrementOptions): void {
  const { size } = source;
  if (content.diskSize !== size) {
    const text = `a bitmap of a drive of ${content.diskSize} bytes does not fit one of ${size}`;
    throw new TidemarkError('BITMAP_INVALID', text, { where: source.label });
  }
  if (target.size === size) return;
  const text = `${target.label} has ${target.size} bytes, and ${source.label} has ${size}`;
  throw new TidemarkError('BACKUP_DRIVE_MISMATCH', text, { where: target.label });
}
