import { disagreements } from './agree.ts';
import { makeImage, type MadeImage } from './make-image.ts';
import { nextPlan, type Plan } from './operations.ts';
import { performOurs, performQemu } from './perform.ts';
import { pairsNow } from './pairs.ts';
import { planShapes } from './plan-shapes.ts';
import { Random } from './random.ts';
import type { Shape } from './shapes.ts';

export interface RunOptions {
  /** For the images; they are removed with it by the caller. */
  readonly dir: string;
  readonly seed: number;
  readonly operations: number;
  /** Operations on one image. Default 20. */
  readonly perImage?: number;
  /** Hears how many operations were done, after each image. */
  readonly onProgress?: (done: number) => void;
}

interface Disagreement {
  readonly image: number;
  readonly shape: Shape;
  /** What was done to the image, in order. */
  readonly steps: readonly string[];
  readonly found: readonly string[];
}

export interface Outcome {
  readonly operations: number;
  readonly images: number;
  /** How often each was done, by whom. */
  readonly counts: Readonly<Record<string, number>>;
  /** Operations that we refuse on such an image, by name, and QEMU did. */
  readonly refused: Readonly<Record<string, number>>;
  /** How many operations there were on images that have two values at once. */
  readonly pairs: Readonly<Record<string, number>>;
  readonly disagreement?: Disagreement;
}

/**
 * Does the same kind of things to generated images as QEMU does, in turn with it at random, and
 * compares after each what both find there. Ends with the first difference.
 */
export async function runDifferential(options: RunOptions): Promise<Outcome> {
  const { dir, seed, operations, perImage = 20 } = options;
  const counts: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const pairs: Record<string, number> = {};
  const shapes = planShapes(seed);
  let done = 0;
  let image = 0;
  for (; done < operations; image++) {
    const random = new Random(seed * 100_003 + image);
    const shape = shapes.next().value;
    const made = await makeImage(dir, shape, random);
    const steps: string[] = [];
    for (let step = 0; step < perImage && done < operations; step++, done++) {
      const { model } = made;
      for (const pair of pairsNow(shape, model)) pairs[pair] = (pairs[pair] ?? 0) + 1;
      const plan = nextPlan({ model, shape, random });
      const found = await perform(made, plan, { random, steps, counts, refused });
      if (found.length === 0) continue;
      const disagreement = { image, shape, steps, found };
      return { operations: done + 1, images: image + 1, counts, refused, pairs, disagreement };
    }
    options.onProgress?.(done);
  }
  return { operations: done, images: image, counts, refused, pairs };
}

interface Tally {
  readonly random: Random;
  readonly steps: string[];
  readonly counts: Record<string, number>;
  readonly refused: Record<string, number>;
}

async function perform(
  { path, model }: MadeImage,
  plan: Plan & { readonly name: string },
  { random, steps, counts, refused }: Tally,
): Promise<readonly string[]> {
  const wanted = plan.qemu === undefined || (plan.ours !== undefined && random.chance(2));
  steps.push(`${wanted ? 'ours' : 'qemu'}: ${plan.text}`);
  try {
    const isOurs = wanted && (await performOurs(path, plan.ours!));
    if (wanted && !isOurs) refused[plan.name] = (refused[plan.name] ?? 0) + 1;
    if (!isOurs && plan.qemu === undefined) return [];
    if (!isOurs) await performQemu(path, plan);
    plan.apply(model, isOurs ? 'ours' : 'qemu');
    const key = `${plan.name} by ${isOurs ? 'us' : 'QEMU'}`;
    counts[key] = (counts[key] ?? 0) + 1;
    return await disagreements(path, model);
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}
