import type { MetaContext, StatusRun } from './meta-context.ts';

/**
 * The first runs of a range, at most `limit` of them, neighbours that are alike made one, cut at the
 * range's end. Never empty for a range that is not.
 */
export async function collectRuns(
  context: MetaContext,
  { offset, length, limit }: { offset: number; length: number; limit: number },
): Promise<readonly StatusRun[]> {
  const collector = new RunCollector(length, limit);
  const runs = await context.runs(offset, length);
  // Not one await a run where there is nothing to wait for.
  if (Symbol.iterator in runs) {
    for (const run of runs) if (!collector.add(run)) break;
  } else {
    for await (const run of runs) if (!collector.add(run)) break;
  }
  return collector.runs;
}

class RunCollector {
  readonly runs: { length: number; flags: number }[] = [];
  readonly #limit: number;
  #left: number;

  constructor(length: number, limit: number) {
    this.#left = length;
    this.#limit = limit;
  }

  /** Whether another one is wanted. */
  add({ length, flags }: StatusRun): boolean {
    const last = this.runs.at(-1);
    const bytes = Math.min(length, this.#left);
    if (last?.flags === flags) last.length += bytes;
    else if (this.runs.length === this.#limit) return false;
    else if (bytes > 0) this.runs.push({ length: bytes, flags });
    this.#left -= bytes;
    return this.#left > 0;
  }
}
