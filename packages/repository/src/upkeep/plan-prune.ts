import type { BlobIndex } from '../blobs/blob-index.ts';
import { MAX_CONDEMNED } from '../format/limits.ts';
import type { Marks } from './marks.ts';

interface PackToJudge {
  readonly id: string;
  /** Bytes; 0 where there is an index alone. */
  readonly size: number;
  /** Old enough for nobody to be writing it. */
  readonly isOld: boolean;
}

export interface PrunePlan {
  /** Packs of which nothing is needed. */
  readonly unused: readonly PackToJudge[];
  /** Packs of which too little is needed. */
  readonly rewritten: readonly PackToJudge[];
  /** The blobs of these that are needed, by number. */
  readonly moved: readonly number[];
}

export interface PlanPruneOptions {
  readonly blobs: BlobIndex;
  readonly marks: Marks;
  readonly packs: readonly PackToJudge[];
  /** Index objects by id of their packs. */
  readonly indexed: ReadonlyMap<string, number>;
  readonly maxUnused: number;
}

/** Bytes of a pack, all blobs and those that are needed. */
interface Use {
  all: number;
  needed: number;
}

export function planPrune(options: PlanPruneOptions): PrunePlan {
  const { blobs, marks, packs, indexed, maxUnused } = options;
  const uses = usesOf(blobs, marks);
  const unused: PackToJudge[] = [];
  const rewritten: PackToJudge[] = [];
  const there = new Set(packs.map(({ id }) => id));
  // What removes a pack and is cut off leaves its index.
  const orphans = [...indexed.keys()].filter((id) => !there.has(id));
  for (const id of orphans) unused.push({ id, size: 0, isOld: true });
  for (const pack of packs) {
    if (!pack.isOld || unused.length + rewritten.length >= MAX_CONDEMNED) continue;
    const use = uses.get(pack.id);
    if (use === undefined || use.needed === 0) unused.push(pack);
    else if ((use.all - use.needed) / use.all > maxUnused) rewritten.push(pack);
  }
  return { unused, rewritten, moved: neededIn(blobs, marks, rewritten) };
}

function usesOf(blobs: BlobIndex, marks: Marks): Map<string, Use> {
  const uses = blobs.packs.map((): Use => ({ all: 0, needed: 0 }));
  for (let blob = 0; blob < blobs.size; blob++) {
    const { pack, storedLength } = blobs.place(blob);
    uses[pack]!.all += storedLength;
    if (marks.has(blob)) uses[pack]!.needed += storedLength;
  }
  return new Map(uses.map((use, pack) => [blobs.packs[pack]!, use]));
}

function neededIn(
  blobs: BlobIndex,
  marks: Marks,
  packs: readonly PackToJudge[],
): readonly number[] {
  if (packs.length === 0) return [];
  const ids = new Set(packs.map(({ id }) => id));
  const needed: number[] = [];
  for (let blob = 0; blob < blobs.size; blob++) {
    if (marks.has(blob) && ids.has(blobs.packs[blobs.packOf(blob)]!)) needed.push(blob);
  }
  return needed;
}
