import { ioBuffer } from '@tidemark/block';
import { orBytes } from './merge-kernels.ts';
import { MODULE } from './or.generated.ts';

/** What is needed of it; types of Node do not have it. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Exports {
  or(target: number, source: number, length: number): void;
}

const PAGE = 65_536;
/** Bytes that the kernel takes at once. */
const STEP = 64;
/** For two parts, of which one is read while the other one is written, and for a source. */
const BUFFERS = 3;
/** Fewer bytes of bits are put together before the kernel would be made. */
const WORTH_A_KERNEL = 4 * 1024 * 1024;

/** Memory that bits are merged in: files are read into it, and written from it. */
export class MergeMemory {
  #kernel: Exports | undefined;
  #shared: ArrayBuffer | undefined;
  #free: readonly Uint8Array[] = [];

  /** Makes its buffers, of `length` bytes each, for a merge of `total` bytes. */
  prepare(length: number, total: number): void {
    if (total >= WORTH_A_KERNEL) this.#share(length);
    const shared = this.#shared;
    this.#free = Array.from({ length: BUFFERS }, (_, i) =>
      shared === undefined ? ioBuffer(length) : new Uint8Array(shared, placeOf(i, length), length),
    );
  }

  /** For parts in turn. */
  get parts(): readonly [Uint8Array, Uint8Array] {
    return [this.#free[0]!, this.#free[1]!];
  }

  /** For bits of a source: no two of them are read at once. */
  scratch(length: number): Uint8Array {
    return this.#free[2]!.subarray(0, length);
  }

  /** Puts `source`, which is in `scratch`, into a part by OR. Both are whole words. */
  or(target: Uint8Array, source: Uint8Array): void {
    const { length } = source;
    if (this.#kernel === undefined || length % STEP !== 0 || length === 0) orBytes(target, source);
    else this.#kernel.or(target.byteOffset, source.byteOffset, length);
  }

  /** Where there is no WebAssembly, or none with vectors, it goes without. */
  #share(length: number): void {
    try {
      const pages = Math.ceil(placeOf(BUFFERS, length) / PAGE);
      const memory = new WebAssembly.Memory({ initial: pages });
      const module = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- or.wat says so
      this.#kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
      this.#shared = memory.buffer;
    } catch {
      this.#kernel = undefined;
    }
  }
}

/** Not where a page begins: see `ioBuffer`. */
function placeOf(index: number, length: number): number {
  return STEP + index * (Math.ceil(length / PAGE) * PAGE + STEP);
}
