import type { Finding } from '@tidemark/doctor';
import { PROGRAM } from '../failure.ts';

/** More are not told of twice. */
const MAX_KEPT = 100_000;

type Count = Required<Pick<Finding, 'cluster' | 'refcount' | 'references'>>;

/** qemu-img's words where it has some; ours for all else. */
export function findingLine(finding: Finding): string {
  const { severity, kind, message, qemuLine } = finding;
  // `info` tells of the marks, and QEMU refuses to write an image that is marked as corrupt.
  if (kind === 'marked-dirty' || kind === 'marked-corrupt') return '';
  const count = countOf(finding);
  if (count !== undefined) {
    return countLine(kind === 'leak' ? 'Leaked' : 'ERROR', count);
  }
  // What qemu-img does not look at, or does not tell.
  if (severity === 'bitmap' || severity === 'note') return `${PROGRAM}: ${message}\n`;
  return `${qemuLine ?? `ERROR ${message}`}\n`;
}

function countOf({ kind, cluster, refcount, references }: Finding): Count | undefined {
  const isCount = kind === 'leak' || kind === 'refcount';
  if (!isCount || cluster === undefined) return undefined;
  if (refcount === undefined || references === undefined) return undefined;
  return { cluster, refcount, references };
}

function countLine(what: string, { cluster, refcount, references }: Count): string {
  return `${what} cluster ${cluster} refcount=${refcount} reference=${references}\n`;
}

/** Tells of findings as they come, and once more of counts that are being set right, as QEMU does. */
export class RepairLines {
  readonly #print: (text: string) => void;
  readonly #mode: 'leaks' | 'all';
  readonly #counts: Count[] = [];

  constructor(print: (text: string) => void, mode: 'leaks' | 'all') {
    this.#print = print;
    this.#mode = mode;
  }

  readonly found = (finding: Finding): void => {
    // Flags are looked at when counts are right.
    if (finding.kind !== 'copied-flag') this.#print(findingLine(finding));
    const count = countOf(finding);
    if (count !== undefined && this.#counts.length < MAX_KEPT) this.#counts.push(count);
  };

  /** Of a count alone. */
  readonly foundCount = (finding: Finding): void => {
    if (countOf(finding) !== undefined) this.found(finding);
  };

  /** Before the counts are written. */
  repairing(isRebuilt = false): void {
    // A cluster in use that counts as free makes QEMU count all of them anew.
    const isFree = this.#mode === 'all' && this.#counts.some(({ refcount }) => refcount === 0);
    if (isRebuilt || isFree) return this.#print('Rebuilding refcount structure\n');
    for (const count of this.#counts) {
      const isLeak = count.refcount > count.references;
      const isMended = isLeak || this.#mode === 'all';
      this.#print(countLine(isMended ? 'Repairing' : isLeak ? 'Leaked' : 'ERROR', count));
    }
  }

  /** What is wrong still. What qemu-img is silent of has been told. */
  left(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const { severity } = finding;
      if (severity !== 'bitmap' && severity !== 'note') this.#print(findingLine(finding));
    }
  }
}
