import type { DirtyBitmap } from '../dirty-bitmap.ts';
import { isTidemarkError, type TidemarkError } from '../errors.ts';
import {
  LIVE_SECTOR_BYTES,
  type LiveBackend,
  type LiveBitmaps,
  type LiveBits,
  type WriteLease,
} from '../live.ts';

/** The shape of a bitmap whose bits are to be written. */
export type LiveShape = Pick<DirtyBitmap, 'serializedLength'>;

interface OpenBits {
  readonly bits: LiveBits;
  /** Bytes: whole sectors. */
  readonly length: number;
}

/** The bits of live bitmaps. They are written past the queue: marks must not wait for a commit. */
export class LiveSet implements LiveBitmaps {
  readonly #backend: LiveBackend;
  readonly #assertUsable: () => void;
  readonly #onLost: (why: TidemarkError) => void;
  readonly lease: WriteLease | undefined;
  readonly #inFlight = new Set<Promise<unknown>>();
  #open: ReadonlyMap<string, OpenBits> = new Map();

  /** `onLost` hears why none of them is trusted any more. */
  constructor(
    backend: LiveBackend,
    assertUsable: () => void,
    onLost: (why: TidemarkError) => void,
  ) {
    this.#backend = backend;
    this.#assertUsable = assertUsable;
    this.#onLost = onLost;
    const { lease } = backend;
    this.lease = lease && {
      allowsWrite: () => lease.allowsWrite(),
      begin: () => lease.begin(),
      end: () => lease.end(),
      renew: async () => {
        assertUsable();
        await this.#heard(lease.renew());
      },
      lapse: () => lease.lapse(),
    };
  }

  get inUse(): boolean {
    return this.#backend.inUse;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#open.keys());
  }

  /** Refuses the bits of all others from now on. The returned function takes that back. */
  keepOnly(names: readonly string[]): () => void {
    const before = this.#open;
    this.#open = new Map([...before].filter(([name]) => names.includes(name)));
    return () => {
      this.#open = before;
    };
  }

  async open(name: string, { serializedLength }: LiveShape): Promise<void> {
    const length = Math.ceil(serializedLength / LIVE_SECTOR_BYTES) * LIVE_SECTOR_BYTES;
    const opened = { bits: await this.#backend.openBits(name), length };
    this.#open = new Map(this.#open).set(name, opened);
  }

  bits(name: string): LiveBits {
    const opened = this.#open.get(name);
    if (opened === undefined) throw new RangeError(`bitmap '${name}' is not live`);
    return {
      write: async (bytes, at, newest) => {
        this.#assertUsable();
        if (this.#open.get(name) !== opened) {
          throw new RangeError(`bitmap '${name}' was changed: ask for its bits again`);
        }
        assertSectors(bytes.length, at, opened.length);
        return this.#heard(opened.bits.write(bytes, at, newest));
      },
    };
  }

  async sync(): Promise<void> {
    this.#assertUsable();
    await this.#heard(this.#backend.sync());
  }

  /** Resolves when nothing is under way that was asked for before the call. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async #heard<T>(work: Promise<T>): Promise<T> {
    try {
      return await this.#note(work);
    } catch (error) {
      if (isTidemarkError(error, 'BITMAP_INCONSISTENT')) this.#onLost(error);
      throw error;
    }
  }

  async #note<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(work);
    }
  }
}

/** A backend puts bytes where it is told to: behind the bits there is something else. */
function assertSectors(count: number, at: number, length: number): void {
  const isWhole = at % LIVE_SECTOR_BYTES === 0 && count % LIVE_SECTOR_BYTES === 0;
  if (isWhole && at >= 0 && at + count <= length) return;
  throw new RangeError(`${count} bytes at ${at} are not whole sectors of ${length} bytes of bits`);
}
