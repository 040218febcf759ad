import { granuleCount, type Granules } from '@tidemark/backup/parts';
import { FAN_OUT } from './limits.ts';

/** How the map of a drive is built up, which follows from its size and granularity alone. */
export interface MapShape {
  readonly granules: number;
  /** Levels of nodes: level 0 has granules for children, the highest has one node. 0: no granule. */
  readonly levels: number;
}

export function shapeOf(drive: Granules): MapShape {
  const granules = granuleCount(drive);
  let levels = 0;
  for (let nodes = granules; nodes > 1 || (levels === 0 && nodes === 1); levels++) {
    nodes = Math.ceil(nodes / FAN_OUT);
  }
  return { granules, levels };
}

/** Granules under one child of a node of this level. */
export function granulesUnder(level: number): number {
  return FAN_OUT ** level;
}

/** Children of the node `index` of a level. */
export function childrenOf({ granules }: MapShape, level: number, index: number): number {
  const below = Math.ceil(granules / granulesUnder(level));
  return Math.min(FAN_OUT, below - index * FAN_OUT);
}
