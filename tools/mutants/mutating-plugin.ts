import type { Vite } from 'vitest/node';
import { mutated, mutatedFile } from './mutant-of-this-run.ts';

/** Breaks a source while tests load it. What is broken is never kept for other runs. */
export function mutatingPlugin(): Vite.Plugin | undefined {
  if (mutatedFile === undefined) return undefined;
  return {
    name: 'mutant',
    enforce: 'pre',
    // All other sources are what they are without it: kept for all.
    api: { vitest: { ignoreFsModuleCache: true } },
    configureVitest: ({ defineCacheKeyGenerator }) => {
      defineCacheKeyGenerator(({ id }) => (id === mutatedFile ? false : undefined));
    },
    transform: (source, id) => (id === mutatedFile ? mutated(source) : undefined),
  };
}
