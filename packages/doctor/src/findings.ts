/**
 * How much a finding matters. `corruption` and `leak` are what `qemu-img check` counts as such;
 * `bitmap` is about bitmaps alone, which it does not look at or gives up on; `error` is what could
 * not be read; `note` asks for nothing.
 */
export type Severity = 'corruption' | 'leak' | 'bitmap' | 'error' | 'note';

/** What kind of thing was found. Stable: programs may tell findings apart by it. */
export type FindingKind =
  // the header and its tables
  | 'header'
  | 'extension'
  | 'marked-dirty'
  | 'marked-corrupt'
  | 'l1-entry'
  | 'l2-entry'
  | 'snapshot-table'
  | 'refcount-table'
  | 'beyond-end'
  // counts of references
  | 'leak'
  | 'refcount'
  | 'copied-flag'
  // bitmaps
  | 'bitmaps-extension'
  | 'bitmaps-stale'
  | 'bitmap-directory'
  | 'bitmap-entry'
  | 'bitmap-table'
  | 'bitmap-overlap'
  | 'bitmap-refcount'
  | 'bitmap-in-use'
  // reading
  | 'unreadable';

/** One thing that is wrong with an image. */
export interface Finding {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** One line: what, where and why. */
  readonly message: string;
  /** Bytes in the image file. */
  readonly offset?: number;
  /** Bytes of the disk, where a guest's data is concerned. */
  readonly guestOffset?: number;
  /** Index of a cluster of the image file, with what its refcount is and what it should be. */
  readonly cluster?: number;
  readonly refcount?: number;
  readonly references?: number;
  readonly bitmap?: string;
  /** What `qemu-img check` prints of it, if that is known. */
  readonly qemuLine?: string;
}

/** Counts all findings, keeps the first `keep` of them, and tells each to `onFinding`. */
export class Findings {
  readonly kept: Finding[] = [];
  readonly counts: Record<Severity, number> = {
    corruption: 0,
    leak: 0,
    bitmap: 0,
    error: 0,
    note: 0,
  };
  #heard = 0;
  readonly #keep: number;
  readonly #onFinding: ((finding: Finding) => void) | undefined;

  constructor(keep: number, onFinding: ((finding: Finding) => void) | undefined) {
    this.#keep = keep;
    this.#onFinding = onFinding;
  }

  /** Whether somebody is going to see the next one, so that finding words for it is worth it. */
  get isHeard(): boolean {
    return this.kept.length < this.#keep || this.#onFinding !== undefined;
  }

  /** @param times how often it counts: tables of snapshots that share a fault are as many faults */
  add(finding: Finding, times = 1): void {
    this.counts[finding.severity] += times;
    this.#heard += 1;
    if (this.kept.length < this.#keep) this.kept.push(finding);
    this.#onFinding?.(finding);
  }

  get leftOut(): number {
    return this.#heard - this.kept.length;
  }
}
