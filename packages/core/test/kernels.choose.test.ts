import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CHUNK_BYTES } from '../src/bitmap/chunk.ts';

const FINEST = 512;

beforeEach(() => vi.resetModules());
afterEach(() => vi.unstubAllGlobals());

/** Loads as many chunks, each of which kernels count, as a program does that has just begun. */
async function load(chunks: number): Promise<number> {
  const { DirtyBitmap } = await import('../src/dirty-bitmap.ts');
  const bitmap = new DirtyBitmap(chunks * CHUNK_BYTES * 8 * FINEST, FINEST);
  bitmap.deserialize(new Uint8Array(chunks * CHUNK_BYTES).fill(0x11));
  return bitmap.count;
}

it('makes no vectors for little work', async () => {
  const made = vi.fn<() => void>();
  vi.stubGlobal('WebAssembly', { Module: made });
  expect(await load(255)).toBe(255 * CHUNK_BYTES * 2);
  expect(made).not.toHaveBeenCalled();
});

it('makes vectors once, when there is more', async () => {
  const { Module, Instance } = globalThis['WebAssembly' as keyof typeof globalThis] as never as {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object) => object;
  };
  const made = vi.fn<() => void>();
  class Counted extends Module {
    constructor(bytes: Uint8Array) {
      super(bytes);
      made();
    }
  }
  vi.stubGlobal('WebAssembly', { Module: Counted, Instance });
  expect(await load(700)).toBe(700 * CHUNK_BYTES * 2);
  expect(made).toHaveBeenCalledTimes(1);
});

it('goes on without them where there are none', async () => {
  const made = vi.fn<() => void>(function refuse() {
    throw new Error('no vectors');
  });
  vi.stubGlobal('WebAssembly', { Module: made });
  expect(await load(700)).toBe(700 * CHUNK_BYTES * 2);
  expect(made).toHaveBeenCalledTimes(1);
});
