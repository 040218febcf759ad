import { CHUNK_WORDS, type Kernels } from './kernels.ts';
import { MODULE } from './module.generated.ts';

/** What is needed of it; types of Node do not have it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const CHUNK_BYTES = CHUNK_WORDS * 4;
// Where kernels.wat has them.
const SCRATCH = 4096;
const EDGES = 8192;
const STEPS = 73_728;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  count(at: number): number;
  or(): number;
  halve(from: number, into: number, length: number): void;
  bytes(from: number, into: number, length: number): void;
  double(from: number, into: number, length: number): void;
  edges(from: number, to: number, value: number): number;
}

/** Kernels of kernels.wat; none where there is no WebAssembly or it has no vectors. */
export function vectorKernels(): Kernels | undefined {
  const wasm = instantiate();
  if (wasm === undefined) return undefined;
  const { buffer } = wasm.memory;
  const chunk = new Uint32Array(buffer, 0, CHUNK_WORDS);
  const scratch = new Uint32Array(buffer, SCRATCH, CHUNK_WORDS);
  const steps = new Uint32Array(buffer, STEPS, CHUNK_WORDS);
  return {
    scratch,
    edges: new Uint16Array(buffer, EDGES, CHUNK_WORDS * 32),
    count(words) {
      if (words === scratch) return wasm.count(SCRATCH);
      chunk.set(words);
      return wasm.count(0);
    },
    or(target, source) {
      chunk.set(target);
      if (source !== scratch) scratch.set(source);
      const count = wasm.or();
      target.set(chunk);
      return count;
    },
    fold(source, shift, at) {
      chunk.set(source);
      fold(wasm, shift, SCRATCH + at);
    },
    spread(source, at, shift) {
      steps.set(source);
      spread(wasm, STEPS + at, shift);
    },
    findEdges(words, from, to, value) {
      chunk.set(words);
      return wasm.edges(from, to, value);
    },
  };
}

/** Three halvings at once where there are as many; each may be done where it lies. */
function fold(wasm: Exports, shift: number, into: number): void {
  let from = 0;
  let length = CHUNK_BYTES;
  for (let left = shift; left > 0;) {
    const step = left >= 3 ? 3 : 1;
    left -= step;
    const to = left === 0 ? into : STEPS;
    if (step === 3) wasm.bytes(from, to, length);
    else wasm.halve(from, to, length);
    length >>>= step;
    from = STEPS;
  }
}

/** Between two places in turn: what is read is not overwritten. */
function spread(wasm: Exports, at: number, shift: number): void {
  let from = at;
  let to = STEPS + CHUNK_BYTES;
  for (let left = shift; left > 0; left--) {
    const into = left === 1 ? SCRATCH : to;
    wasm.double(from, into, CHUNK_BYTES >>> left);
    to = to === STEPS ? STEPS + CHUNK_BYTES : STEPS;
    from = into;
  }
}

function instantiate(): Exports | undefined {
  try {
    const module = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- kernels.wat says so
    return new WebAssembly.Instance(module).exports as Exports;
  } catch {
    return undefined;
  }
}
