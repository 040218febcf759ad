import type { BitmapChange } from '@tidemark/core';
import { BITMAP_OPERATIONS } from './bitmap-operations.ts';
import { DISK_OPERATIONS } from './disk-operations.ts';
import type { Model } from './model.ts';
import type { Random } from './random.ts';
import type { Shape } from './shapes.ts';

/** What we do: to the disk, or to bitmaps that nobody uses. */
export type OurStep =
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly op: 'zero';
      readonly offset: number;
      readonly length: number;
      readonly unmap: boolean;
    }
  | { readonly op: 'discard'; readonly offset: number; readonly length: number }
  | { readonly op: 'resize'; readonly size: number }
  | { readonly op: 'commit'; readonly changes: readonly BitmapChange[] };

/** One operation, in the words of both programs. */
export interface Plan {
  /** For a report. */
  readonly text: string;
  /** Absent: only QEMU does such a thing. */
  readonly ours?: readonly OurStep[];
  /** Calls of its programs, in order; IMAGE stands for the image's path. Absent: only we do it. */
  readonly qemu?: readonly (readonly string[])[];
  /** What becomes of the disk and its bitmaps. */
  apply(model: Model, by: 'ours' | 'qemu'): void;
}

export interface Situation {
  readonly model: Model;
  readonly shape: Shape;
  readonly random: Random;
}

export interface Operation {
  readonly name: string;
  /** How often it comes, against others. */
  readonly weight: number;
  /** Undefined: it makes no sense here. */
  plan(situation: Situation): Plan | undefined;
}

const OPERATIONS: readonly Operation[] = [...DISK_OPERATIONS, ...BITMAP_OPERATIONS];
const TOTAL = OPERATIONS.reduce((sum, { weight }) => sum + weight, 0);

/** A random operation that makes sense. */
export function nextPlan(situation: Situation): Plan & { readonly name: string } {
  for (;;) {
    let left = situation.random.below(TOTAL);
    const operation = OPERATIONS.find(({ weight }) => (left -= weight) < 0)!;
    const plan = operation.plan(situation);
    if (plan !== undefined) return { name: operation.name, ...plan };
  }
}
