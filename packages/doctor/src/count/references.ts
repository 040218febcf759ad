import type { Finding, Findings } from '../findings.ts';
import type { Layout } from '../layout/layout.ts';
import type { HostRange } from '../layout/ranges.ts';
import { hex } from '../qemu-line.ts';
import { ClusterCounter } from './cluster-counter.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** Clusters behind the end of the file that something points to: nothing new may be put there. */
export const MAX_BEYOND = 1_000_000;

/** What a reference is, for the message of one that points nowhere. */
export type Referrer = Partial<Finding> & { readonly what: string };

/** How often the clusters of an image file are referred to, and by what cannot be right. */
export class References {
  readonly counter: ClusterCounter;
  /** Clusters of the file; the last one may be cut short. */
  readonly clusters: number;
  readonly beyond = new Set<number>();
  readonly #clusterSize: number;
  readonly #fileSize: number;
  readonly #findings: Findings;

  constructor(layout: Layout, fileSize: number, findings: Findings, budget: MemoryBudget) {
    this.#clusterSize = layout.clusterSize;
    this.#fileSize = fileSize;
    this.#findings = findings;
    this.clusters = Math.ceil(fileSize / layout.clusterSize);
    this.counter = new ClusterCounter(budget);
  }

  /**
   * Counts all clusters of a range, which may be cut short by less than a cluster at the end.
   * @returns false where it points behind the end of the file, which is reported
   */
  addRange({ offset, length }: HostRange, weight: number, referrer: Referrer): boolean {
    if (length === 0) return true;
    const first = Math.floor(offset / this.#clusterSize);
    const end = Math.ceil((offset + length) / this.#clusterSize);
    if (end > this.clusters) {
      this.reportBeyond({ offset, length }, weight, referrer);
      return false;
    }
    for (let cluster = first; cluster < end; cluster++) this.counter.add(cluster, weight);
    return true;
  }

  reportBeyond({ offset, length }: HostRange, weight: number, referrer: Referrer): void {
    const { what, ...finding } = referrer;
    const first = Math.floor(offset / this.#clusterSize);
    const count = Math.min(Math.ceil(length / this.#clusterSize), MAX_BEYOND - this.beyond.size);
    for (let i = 0; i < count; i++) this.beyond.add(first + i);
    const found: Finding = {
      kind: 'beyond-end',
      severity: 'corruption',
      offset,
      message: `${what} is at byte ${offset}, and the file ends at ${this.#fileSize}`,
      qemuLine:
        'ERROR: counting reference for region exceeding the end of the file by one cluster or more: ' +
        `offset 0x${hex(offset)} size 0x${hex(length)}`,
      ...finding,
    };
    this.#findings.add(found, weight);
  }
}
