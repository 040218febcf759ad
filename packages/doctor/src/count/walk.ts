import type { BlockDevice } from '@tidemark/block';
import type { Findings } from '../findings.ts';
import type { Layout } from '../layout/layout.ts';
import type { Source } from '../layout/source.ts';
import { ClusterCounter, ClusterSet } from './cluster-counter.ts';
import { CopiedFaults } from './copied-faults.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { References } from './references.ts';

/** L1 entries that are gone through to find out where the disk has what. */
const MAX_LOOKUPS = 100_000_000;

/** Of the clusters of the disk, those of the active tables. */
export interface AllocationCounts {
  allocated: number;
  fragmented: number;
  compressed: number;
}

/** What the parts of a check share. */
export class Walk {
  readonly source: Source;
  readonly layout: Layout;
  readonly findings: Findings;
  readonly budget: MemoryBudget;
  readonly dataFile: BlockDevice | undefined;
  readonly references: References;
  /** L2 tables by cluster: how many L1 entries refer to each, and how many active ones. */
  readonly l2Tables: ClusterCounter;
  readonly activeL2Tables: ClusterCounter;
  /** Clusters whose refcount, as it is in the file, is just 1. */
  readonly single: ClusterSet;
  /** Clusters whose refcount is less than how often they are referred to. */
  readonly tooLow: ClusterSet;
  readonly copiedFaults = new CopiedFaults();
  readonly allocation: AllocationCounts = { allocated: 0, fragmented: 0, compressed: 0 };
  /** Something that refers to clusters could not be followed. */
  isIncomplete = false;
  /** Of each active L1 entry, the cluster of its L2 table. */
  #activeL1: Float64Array = new Float64Array(0);
  #lookups = 0;

  constructor(
    source: Source,
    layout: Layout,
    shared: {
      readonly findings: Findings;
      readonly budget: MemoryBudget;
      readonly dataFile: BlockDevice | undefined;
    },
  ) {
    this.source = source;
    this.layout = layout;
    this.findings = shared.findings;
    this.budget = shared.budget;
    this.dataFile = shared.dataFile;
    this.references = new References(layout, source.size, this.findings, this.budget);
    this.l2Tables = new ClusterCounter(this.budget);
    this.activeL2Tables = new ClusterCounter(this.budget);
    this.single = new ClusterSet(this.budget);
    this.tooLow = new ClusterSet(this.budget);
  }
  expectActiveL1(entries: number): void {
    this.budget.take(entries * 8);
    this.#activeL1 = new Float64Array(entries);
  }

  placeActiveL2(l1Index: number, cluster: number): void {
    this.#activeL1[l1Index] = cluster;
  }

  /** Of each cluster with an active L2 table, the first entry that names it. */
  activeL1Indexes(): ReadonlyMap<number, number> {
    const found = new Map<number, number>();
    this.#activeL1.forEach((cluster, index) => {
      if (cluster !== 0 && !found.has(cluster)) found.set(cluster, index);
    });
    return found;
  }

  /**
   * Where the disk has what entry `index` of an active L2 table is about. Bytes; undefined after
   * many questions, each of which goes through the whole L1 table.
   */
  guestOffsetOf(l2Offset: number, index: number): number | undefined {
    this.#lookups += this.#activeL1.length;
    if (this.#lookups > MAX_LOOKUPS) return undefined;
    const { clusterSize, hasExtendedL2 } = this.layout;
    const l1Index = this.#activeL1.indexOf(l2Offset / clusterSize);
    const perTable = clusterSize / (hasExtendedL2 ? 16 : 8);
    return l1Index < 0 ? undefined : (l1Index * perTable + index) * clusterSize;
  }
}
