import type { BlockDevice } from '@tidemark/block';
import { writeUndo } from '../undo/write-undo.ts';
import { SECTOR } from './draft.ts';
import type { RepairPlan } from './plan-repair.ts';

/** Neighbouring sectors are written together, up to so many bytes. */
const STEP = 1 << 20;

/** Of `applyRepair`: how a repair can be taken back. */
export interface ApplyOptions {
  /** An empty file for what takes the repair back. Undefined: it cannot be taken back. */
  readonly undo: BlockDevice | undefined;
  /** Called when all is planned and the undo file is durable: the image is touched after it. */
  readonly onReady?: () => Promise<void>;
}

/**
 * Does what was planned. The image must not have been changed since, so it stays locked from the
 * plan on. The undo file is durable before the first write to the image.
 */
export async function applyRepair(
  image: BlockDevice,
  plan: RepairPlan,
  { undo, onReady }: ApplyOptions,
): Promise<void> {
  if (plan.phases.length === 0) return;
  if (undo !== undefined) await writeUndo(undo, image, plan);
  await onReady?.();
  // What others have written is durable before anything of ours stands on it.
  await image.flush();
  if (plan.sizeAfter > image.size) await image.resize(plan.sizeAfter);
  for (const { sectors } of plan.phases) {
    for (const { offset, bytes } of runsOf(sectors)) {
      await image.write(bytes.subarray(0, Math.min(bytes.length, image.size - offset)), offset);
    }
    await image.flush();
  }
}

interface Run {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

function* runsOf(sectors: ReadonlyMap<number, Uint8Array>): Generator<Run> {
  const offsets = [...sectors.keys()].sort((a, b) => a - b);
  let parts: Uint8Array[] = [];
  let start = 0;
  for (const offset of offsets) {
    const isNext = offset === start + parts.length * SECTOR && parts.length * SECTOR < STEP;
    if (!isNext && parts.length > 0) yield { offset: start, bytes: Buffer.concat(parts) };
    if (!isNext) {
      parts = [];
      start = offset;
    }
    parts.push(sectors.get(offset)!);
  }
  if (parts.length > 0) yield { offset: start, bytes: Buffer.concat(parts) };
}
