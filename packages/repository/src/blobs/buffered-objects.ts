import type { ObjectStore, ObjectWriter } from '@tidemark/object-store';

/** Makes objects for a store that takes them whole: each is collected in memory of a given size. */
export class BufferedObjects {
  readonly #store: ObjectStore;
  readonly #size: number;
  readonly #free: Uint8Array[] = [];

  /** `size`: bytes of an object at most. */
  constructor(store: ObjectStore, size: number) {
    this.#store = store;
    this.#size = size;
  }

  newObject(): ObjectWriter {
    let buffer: Uint8Array | undefined = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size);
    let end = 0;
    const release = () => {
      if (buffer !== undefined) this.#free.push(buffer);
      buffer = undefined;
    };
    return {
      append: async (bytes) => {
        buffer!.set(bytes, end);
        end += bytes.length;
      },
      finish: async (key) => {
        try {
          return await this.#store.putIfAbsent(key, buffer!.subarray(0, end));
        } finally {
          release();
        }
      },
      abandon: async () => {
        release();
      },
    };
  }
}
