import {
  type BlockDevice,
  type DriveFacts,
  type FactsOptions,
  type FileFacts,
} from '@tidemark/block';
import type { Random } from './random.ts';

const NS_PER_MS = 1_000_000n;
const CHANGES: ReadonlySet<string | symbol> = new Set([
  'write',
  'writeZeroes',
  'discard',
  'resize',
]);

/** The times of a file: content may be durable before them, and never after they were synced. */
export class FileTimes {
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;
  #modified: number;
  #durable: number;
  #timers: { readonly at: number; readonly work: () => void }[] = [];

  constructor() {
    this.#modified = this.now;
    this.#durable = this.now;
  }

  later(work: () => void, milliseconds: number): void {
    this.#timers.push({ at: this.now + milliseconds, work });
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { work } of due) work();
  }

  stamp(): void {
    this.#modified = this.now;
  }

  /** What a power cut leaves of them. */
  afterCut(random: Random): number {
    return random.chance(50) ? this.#modified : this.#durable;
  }

  set(modified: number): void {
    this.#modified = modified;
    this.#durable = modified;
  }

  facts(size: number, modified = this.#modified): FileFacts {
    const time = BigInt(modified) * NS_PER_MS;
    return { kind: 'file', size, modified: time, changed: time, born: 1n, inode: 2n, device: 3n };
  }

  /** A file with these times, that a write changes when it begins and when it ends. */
  of(device: BlockDevice): BlockDevice & { facts(options?: FactsOptions): Promise<DriveFacts> } {
    const facts = async ({ durable = false, touched = false }: FactsOptions = {}) => {
      if (touched) this.stamp();
      if (durable) {
        const synced = this.#modified;
        await device.flush();
        // Of two at once, the one that began first may end last.
        this.#durable = Math.max(this.#durable, synced);
      }
      return this.facts(device.size);
    };
    return new Proxy(device, {
      get: (target, key): unknown => {
        if (key === 'facts') return facts;
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (!CHANGES.has(key)) return value.bind(target);
        return async (...args: unknown[]) => {
          this.stamp();
          await Reflect.apply(value, target, args);
          this.stamp();
        };
      },
    }) as BlockDevice & { facts(options?: FactsOptions): Promise<DriveFacts> };
  }
}
