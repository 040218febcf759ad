import { open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BlockDevice, fromSystemError, openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import {
  applyRepair,
  checkImage,
  describeAction,
  type ImageCheck,
  planRepair,
  type RepairAction,
  type RepairPlan,
  undoRepair,
} from '@tidemark/doctor';
import { checkLines, exitOf } from './check-report.ts';
import type { ImageFlags } from './image-flags.ts';
import { count } from './output.ts';

export interface RepairFlags extends ImageFlags {
  readonly dryRun?: boolean;
  readonly only?: 'leaks';
  readonly dropInUse?: boolean;
  readonly saveUndo?: string;
  readonly undo?: string;
}

interface RepairReport {
  readonly image: string;
  readonly actions: readonly RepairAction[];
  /** Whether the actions were done. */
  readonly isDone: boolean;
  /** Path of the undo file; null where none was written. */
  readonly undo: string | null;
  readonly before: ImageCheck;
  readonly after: ImageCheck;
  readonly exitCode: number;
}

export interface DoneRepair {
  readonly report: RepairReport;
  readonly lines: readonly string[];
  /** What `image check` ends with on what is left. */
  readonly exitCode: number;
}

/** Plans a repair and, unless it is only to be shown, does it. The image is locked all the while. */
export async function repairImage(path: string, flags: RepairFlags): Promise<DoneRepair> {
  const { dryRun = false, only, dropInUse = false, memory } = flags;
  await using device = await openFileDevice(path, { writable: !dryRun, helper: false });
  const limit = memory !== undefined && { memoryLimit: memory };
  const plan = await planRepair(device, { mode: only ?? 'all', dropInUse, ...limit });
  const isDone = !dryRun && plan.phases.length > 0;
  const undo = isDone ? (flags.saveUndo ?? `${path}.tidemark-undo`) : null;
  if (undo !== null) await applyWithUndo(device, plan, undo);
  const after = isDone ? await checkImage(device, { ...limit }) : plan.after;
  const exitCode = exitOf(after);
  const { actions, before } = plan;
  const report = { image: path, actions, isDone, undo, before, after, exitCode };
  return { report, lines: linesOf(report), exitCode };
}

/** The undo file, its name included, is durable before the image is touched. */
async function applyWithUndo(image: BlockDevice, plan: RepairPlan, path: string): Promise<void> {
  const file = await openUndoFile(path);
  let isStarted = false;
  try {
    await applyRepair(image, plan, {
      undo: file,
      onReady: async () => {
        await syncFolder(dirname(path));
        isStarted = true;
      },
    });
  } finally {
    await file.close();
    // Nothing was changed, so there is nothing to take back.
    if (!isStarted) await unlink(path).catch(() => {});
  }
}

async function openUndoFile(path: string): Promise<BlockDevice> {
  try {
    return await openFileDevice(path, { writable: true, create: 'exclusive', helper: false });
  } catch (error) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (!isThere) throw error;
    const message = `'${path}' exists already, and may be what takes an earlier repair back`;
    throw new TidemarkError('FILE_EXISTS', message, {
      where: path,
      hint: 'name another one with --save-undo, or move it away',
    });
  }
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

function linesOf({ actions, isDone, undo, after, exitCode }: RepairReport): readonly string[] {
  if (actions.length === 0) return ['nothing to repair', ...checkLines(after)];
  return [
    ...actions.map((action) => `${isDone ? 'done' : 'would'}: ${describeAction(action)}`),
    ...(undo === null ? [] : [`to take it back: --undo ${undo}`]),
    isDone ? 'the image now:' : 'what would be left:',
    ...checkLines(after),
    ...(exitCode === 0 ? [] : [`${count(after.findings.length, 'finding')} left`]),
  ];
}

/** Takes a repair back. */
export async function takeBack(path: string, undoPath: string) {
  await using file = await openFileDevice(undoPath, { helper: false });
  await using image = await openFileDevice(path, { writable: true, helper: false });
  const { size } = await undoRepair(image, file);
  return { image: path, undone: undoPath, size };
}
