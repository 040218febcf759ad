/** Smaller ones are cheaper to make anew. */
const MIN_BYTES = 8 * 1024;
/** Larger ones are too rare to keep. */
const MAX_BYTES = 2 * 1024 * 1024;
/** Bytes of memory that wait to be used again. */
const MAX_IDLE_BYTES = 24 * 1024 * 1024;
/** Room for the head of a reply, so that data of a power of two stays in its class. */
const HEAD_BYTES = 64;
/** What is lent does not begin where a page does: see `ioBuffer` of @tidemark/block. */
const OFF_PAGE = 64;
/** What is received at once, and room before it for what was left of the last time. */
const ARRIVALS_BYTES = 256 * 1024;
const BEFORE_ARRIVALS = 16 * 1024;

/**
 * Memory for data on its way, used again: fresh memory costs the system more than to copy into it.
 * What it holds is what was in it before; whoever takes it fills it.
 */
export class BufferPool {
  /** By the class of size. */
  readonly #idle = new Map<number, Buffer[]>();
  readonly #lent = new WeakMap<ArrayBufferLike, Buffer>();
  #idleBytes = 0;
  /** All connections receive here, from `arrivalsAt` on; what is there stays for one tick. */
  readonly arrivals: Buffer = Buffer.allocUnsafeSlow(BEFORE_ARRIVALS + ARRIVALS_BYTES);
  readonly arrivalsAt: number = BEFORE_ARRIVALS;
  readonly arrivalsRoom: Buffer = this.arrivals.subarray(BEFORE_ARRIVALS);

  take(length: number): Buffer {
    if (length < MIN_BYTES || length > MAX_BYTES + HEAD_BYTES) return Buffer.allocUnsafe(length);
    const size = sizeFor(length);
    let whole = this.#idle.get(size)?.pop();
    if (whole === undefined) whole = Buffer.allocUnsafeSlow(OFF_PAGE + size);
    else this.#idleBytes -= whole.length;
    this.#lent.set(whole.buffer, whole);
    return whole.subarray(OFF_PAGE, OFF_PAGE + length);
  }

  /** Nobody uses it any more. What is not of the pool is left alone, as is what came back before. */
  release(bytes: Uint8Array): void {
    const whole = this.#lent.get(bytes.buffer);
    if (whole === undefined) return;
    this.#lent.delete(bytes.buffer);
    if (this.#idleBytes + whole.length > MAX_IDLE_BYTES) return;
    const size = whole.length - OFF_PAGE;
    const idle = this.#idle.get(size);
    if (idle === undefined) this.#idle.set(size, [whole]);
    else idle.push(whole);
    this.#idleBytes += whole.length;
  }
}

function sizeFor(length: number): number {
  const bits = Math.ceil(Math.log2(Math.max(MIN_BYTES, length - HEAD_BYTES)));
  return 2 ** bits + HEAD_BYTES;
}
