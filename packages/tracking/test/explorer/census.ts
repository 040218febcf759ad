/** What can be under way when the power fails, besides writes: none of it may be looked at rarely. */
export const OPERATIONS = [
  'add',
  'clear',
  'merge',
  'enable',
  'disable',
  'remove',
  'resize',
  'takeover',
  'materialise',
  'narrow',
  'rescan',
  'several drives',
] as const;

export type Operation = (typeof OPERATIONS)[number] | 'write' | 'idle' | 'close' | 'recovery';

/** Counts disks after a power cut, and those that differ from all others. */
export class Census {
  /** Disks that were looked at. */
  looks = 0;
  readonly #distinct: Set<number>;
  readonly #during = new Map<Operation, Set<number>>();

  /** `distinct`: hashes of those that were found before, which is added to. */
  constructor(distinct: Set<number> = new Set()) {
    this.#distinct = distinct;
  }

  note(hash: number, operations: readonly Operation[]): void {
    this.looks += 1;
    if (this.#distinct.has(hash)) return;
    this.#distinct.add(hash);
    for (const operation of operations) {
      const found = this.#during.get(operation);
      if (found === undefined) this.#during.set(operation, new Set([hash]));
      else found.add(hash);
    }
  }

  /** Disks that differ, by what was under way; a disk may count for several operations. */
  get during(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#during].map(([name, hashes]) => [name, hashes.size]));
  }
}

/** What a process is doing in this moment. */
export class UnderWay {
  readonly #counts = new Map<Operation, number>();

  get now(): readonly Operation[] {
    return this.#counts.size === 0 ? ['idle'] : [...this.#counts.keys()];
  }

  /** More than writes. */
  get isSpecial(): boolean {
    return this.#counts.size > (this.#counts.has('write') ? 1 : 0);
  }

  async during<T>(operations: readonly Operation[], work: () => Promise<T>): Promise<T> {
    const end = this.begin(operations);
    try {
      return await work();
    } finally {
      end();
    }
  }

  begin(operations: readonly Operation[]): () => void {
    for (const name of operations) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return () => {
      for (const name of operations) {
        const left = this.#counts.get(name)! - 1;
        if (left === 0) this.#counts.delete(name);
        else this.#counts.set(name, left);
      }
    };
  }
}
