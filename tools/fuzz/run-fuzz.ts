import { type BaseImage, baseImages } from './base-images.ts';
import { fuzzCase } from './fuzz-case.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';

export interface FuzzReport {
  readonly seed: number;
  readonly cases: number;
  /** Share of cases that kept magic and version, so that more than those was looked at. */
  readonly deep: number;
  /** How often each outcome came about. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Milliseconds of the slowest case. */
  readonly slowest: number;
  /** Bytes: the most that the process has had in memory. */
  readonly maxMemory: number;
}

/** Each case has a seed of its own, `seed` plus its number, so that one can be run alone. */
export async function runFuzz(seed: number, cases: number): Promise<FuzzReport> {
  const bases = await baseImages();
  const outcomes: Record<string, number> = {};
  let deep = 0;
  let slowest = 0;
  for (let i = 0; i < cases; i++) {
    const start = performance.now();
    const { open, check, repair, isDeep } = await runCase(bases, seed + i);
    slowest = Math.max(slowest, performance.now() - start);
    if (isDeep) deep += 1;
    for (const key of [`open ${open}`, `check ${check}`, `repair ${repair}`]) {
      outcomes[key] = (outcomes[key] ?? 0) + 1;
    }
  }
  const maxMemory = process.resourceUsage().maxRSS * 1024;
  return { seed, cases, deep: deep / cases, outcomes, slowest: Math.round(slowest), maxMemory };
}

async function runCase(bases: readonly BaseImage[], seed: number) {
  const random = new Random(seed);
  const bytes = mutate(random.pick(bases), random);
  try {
    return await fuzzCase(bytes);
  } catch (error) {
    throw new Error(`case of seed ${seed}: pnpm fuzz:images --cases 1 --seed ${seed}`, {
      cause: error,
    });
  }
}
