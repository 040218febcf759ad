import type { BlockGraph } from '@tidemark/graph';

/**
 * Counts the bits of bitmaps that nobody has counted yet, while others go on: a glance at the drives
 * reads nothing afterwards. For who is going to tell of them; a start leaves it to whoever asks first.
 */
export async function countBits(graph: BlockGraph): Promise<void> {
  for (const { tracked } of graph.nodes.list()) await tracked?.countAhead();
}
