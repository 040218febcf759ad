import type { Kernels } from './kernels.ts';
import { plainKernels } from './plain.ts';
import { vectorKernels } from './vector.ts';

/** As many chunks take plain kernels as long as it takes to make the others. */
const CHUNKS_BEFORE_VECTORS = 256;

let chosen: Kernels | undefined;
let left = CHUNKS_BEFORE_VECTORS;

/**
 * The kernels for the next chunk: plain ones until so much was done that a program is not a short
 * one, then those in WebAssembly, if this machine has what they need.
 */
export function kernels(): Kernels {
  chosen ??= plainKernels();
  if (left > 0) {
    left -= 1;
    if (left === 0) chosen = vectorKernels() ?? chosen;
  }
  return chosen;
}
