import {
  type BlockDevice,
  type BlockExtent,
  isZero,
  type WriteZeroesOptions,
} from '@tidemark/block';
import { refusal } from '../errors.ts';
import { ReadsUnderWay } from './reads-under-way.ts';

/** Is asked before each change of a device. Bytes. */
export interface WriteFilter {
  /** Undefined: nothing keeps the change from being made now. */
  beforeWrite(offset: number, length: number): Promise<void> | undefined;
}

/** Hears of each change that is begun, before it is made; has to be quick. Bytes. */
export type WriteWatcher = (offset: number, length: number) => void;

/** Bytes whose extents are looked at as a whole. */
const WATCHED_PIECE = 64 * 1024 * 1024;

export interface NodeDeviceOptions {
  /** Whether a discard gives space back, or is ignored. */
  readonly discards: boolean;
  /** Writes of nothing but zeros are made as zeros: `unmap` may give their space back. */
  readonly detectZeroes: 'off' | 'on' | 'unmap';
}

/**
 * What all who use a node read and write. What is behind it can be changed under them, and jobs see
 * each write before it is made. It owns nothing: closing it does nothing.
 */
export class NodeDevice implements BlockDevice {
  /** What reads under way may see; for who writes behind their backs. */
  readonly reads = new ReadsUnderWay();
  #inner: BlockDevice;
  readonly #options: NodeDeviceOptions;
  #filters: readonly WriteFilter[] = [];
  #watchers: readonly WriteWatcher[] = [];
  #gate: Promise<void> | undefined;
  #inFlight = 0;
  #done = 0;
  #idle: () => void = () => {};

  constructor(inner: BlockDevice, options: NodeDeviceOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get label(): string {
    return this.#inner.label;
  }
  get size(): number {
    return this.#inner.size;
  }
  get writable(): boolean {
    return this.#inner.writable;
  }
  get canDiscard(): boolean {
    return this.#options.discards && this.#inner.canDiscard;
  }

  /** Calls under way, and calls that have ended: who sees both stand still sees a disk that hangs. */
  get progress(): { readonly inFlight: number; readonly done: number } {
    return { inFlight: this.#inFlight, done: this.#done };
  }

  /** From this tick on no change is made that the filter was not asked about. */
  addFilter(filter: WriteFilter): void {
    this.#filters = [...this.#filters, filter];
  }

  removeFilter(filter: WriteFilter): void {
    this.#filters = this.#filters.filter((other) => other !== filter);
  }

  /** Has a watcher hear of changes from now on, until the given function is called. */
  watch(watcher: WriteWatcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  /**
   * Puts another device behind it while no call is under way, and others wait. `patience`:
   * milliseconds for those under way; default: as long as they take. @throws USAGE: they take longer
   */
  async replace(
    change: () => Promise<BlockDevice>,
    { patience = Infinity }: { readonly patience?: number } = {},
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    while (this.#gate !== undefined) await this.#gate;
    this.#gate = promise;
    try {
      if (this.#inFlight > 0) await this.#ended(patience);
      this.#inner = await change();
    } finally {
      this.#gate = undefined;
      resolve();
    }
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    if (this.#gate === undefined && !this.reads.areWatched) {
      return this.#count(() => this.#inner.read(target, offset));
    }
    await this.#run(() =>
      this.reads.run(offset, target.length, () => this.#inner.read(target, offset)),
    );
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    if (this.#options.detectZeroes !== 'off' && source.length > 0 && isZero(source)) {
      const unmap = this.#options.detectZeroes === 'unmap';
      return this.writeZeroes(offset, source.length, { unmap });
    }
    this.#tell(offset, source.length);
    // Most writes find nothing in their way: without a closure more, and a list.
    if (this.#gate === undefined && this.#filters.length === 0) {
      return this.#count(() => this.#inner.write(source, offset));
    }
    await this.#change(offset, source.length, () => this.#inner.write(source, offset));
  }

  readNow(target: Uint8Array, offset: number): boolean {
    if (this.#gate !== undefined || this.reads.areWatched) return false;
    return this.#inner.readNow?.(target, offset) ?? false;
  }

  writeNow(source: Uint8Array, offset: number): boolean {
    if (this.#gate !== undefined || this.#filters.length > 0) return false;
    if (this.#options.detectZeroes !== 'off') return false;
    const isDone = this.#inner.writeNow?.(source, offset) ?? false;
    // Else it comes again as `write`.
    if (isDone) this.#tell(offset, source.length);
    return isDone;
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    this.#tell(offset, length);
    await this.#change(offset, length, () => this.#inner.writeZeroes(offset, length, options));
  }

  async discard(offset: number, length: number): Promise<void> {
    if (!this.#options.discards) return;
    this.#tell(offset, length);
    await this.#change(offset, length, () => this.#inner.discard(offset, length));
  }

  async flush(): Promise<void> {
    await this.#run(() => this.#inner.flush());
  }

  async *extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    while (this.#gate !== undefined) await this.#gate;
    if (!this.reads.areWatched) yield* this.#inner.extents(offset, length);
    else yield* this.#watchedExtents(offset, length);
  }

  /** As they are while no write is made behind the reader's back. */
  async *#watchedExtents(offset: number, length: number): AsyncIterable<BlockExtent> {
    for (let at = offset; at < offset + length; at += WATCHED_PIECE) {
      const piece = Math.min(WATCHED_PIECE, offset + length - at);
      const found: BlockExtent[] = [];
      await this.reads.run(at, piece, async () => {
        for await (const extent of this.#inner.extents(at, piece)) found.push(extent);
      });
      yield* found;
    }
  }

  async resize(size: number): Promise<void> {
    await this.#run(() => this.#inner.resize(size));
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #tell(offset: number, length: number): void {
    const watchers = this.#watchers;
    for (let i = 0; i < watchers.length; i++) watchers[i]!(offset, length);
  }

  async #ended(patience: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const late = () => reject(refusal(`${this.label} is busy: requests under way do not end`));
    const timer = patience < Infinity ? setTimeout(late, patience) : undefined;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#idle = () => {};
    }
  }

  async #change(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    for (;;) {
      while (this.#gate !== undefined) await this.#gate;
      const waits = this.#filters.flatMap((filter) => filter.beforeWrite(offset, length) ?? []);
      // In this tick: a filter that comes later is to be asked as well.
      if (waits.length === 0) return this.#count(change);
      await Promise.all(waits);
    }
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    while (this.#gate !== undefined) await this.#gate;
    return this.#count(call);
  }

  async #count<T>(call: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await call();
    } finally {
      this.#inFlight -= 1;
      this.#done += 1;
      if (this.#inFlight === 0) this.#idle();
    }
  }
}
