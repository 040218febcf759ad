import type { ObjectRange, ObjectStore, Reference, StoredObject } from '../object-store.ts';

/** The calls of an `ObjectStore` that can be made to fail. */
export type StoreCall = 'get' | 'put' | 'list' | 'delete' | 'read-reference' | 'swap-reference';

/** When a `FaultObjectStore` fails. */
export interface FaultOptions {
  /** Ahead of each call; what it throws is the call's failure, and nothing is done. */
  readonly before?: (call: StoreCall, key: string) => void;
  /** Behind each call that changed something: it is done, and who called is told otherwise. */
  readonly after?: (call: StoreCall, key: string) => void;
}

/** A store that fails when it is told to. */
export class FaultObjectStore implements ObjectStore {
  readonly label: string;
  readonly #inner: ObjectStore;
  readonly #before: (call: StoreCall, key: string) => void;
  readonly #after: (call: StoreCall, key: string) => void;

  constructor(inner: ObjectStore, { before = () => {}, after = () => {} }: FaultOptions) {
    this.label = inner.label;
    this.#inner = inner;
    this.#before = before;
    this.#after = after;
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    this.#before('get', key);
    return this.#inner.get(key, range);
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#before('put', key);
    const isNew = await this.#inner.putIfAbsent(key, bytes);
    this.#after('put', key);
    return isNew;
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    this.#before('list', prefix);
    yield* this.#inner.list(prefix);
  }

  async delete(key: string): Promise<void> {
    this.#before('delete', key);
    await this.#inner.delete(key);
    this.#after('delete', key);
  }

  async readReference(name: string): Promise<Reference | undefined> {
    this.#before('read-reference', name);
    return this.#inner.readReference(name);
  }

  async swapReference(name: string, expected: string | undefined, bytes: Uint8Array) {
    this.#before('swap-reference', name);
    const version = await this.#inner.swapReference(name, expected, bytes);
    this.#after('swap-reference', name);
    return version;
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
