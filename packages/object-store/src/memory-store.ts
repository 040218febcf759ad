import { noObject, objectTooShort, storeClosed } from './errors.ts';
import { checkKey, checkPrefix } from './keys.ts';
import type { ObjectRange, ObjectStore, Reference, StoredObject } from './object-store.ts';

interface Kept {
  readonly bytes: Uint8Array;
  readonly stored: number;
}

interface KeptReference {
  readonly bytes: Uint8Array;
  readonly version: number;
}

/** Of a new `MemoryObjectStore`. */
export interface MemoryObjectStoreOptions {
  /** Default `objects in memory`. */
  readonly label?: string;
  /** ms since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/** Objects in memory, for tests and for stores that are thrown away. */
export class MemoryObjectStore implements ObjectStore {
  readonly label: string;
  readonly #now: () => number;
  readonly #objects = new Map<string, Kept>();
  readonly #references = new Map<string, KeptReference>();
  #isClosed = false;

  constructor({ label = 'objects in memory', now = Date.now }: MemoryObjectStoreOptions = {}) {
    this.label = label;
    this.#now = now;
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    this.#check(key);
    const bytes = this.#objects.get(key)?.bytes;
    if (bytes === undefined) throw noObject(this.label, key);
    if (range === undefined) return copyOf(bytes);
    const end = range.offset + range.length;
    if (end > bytes.length) throw objectTooShort(this.label, key, end);
    return copyOf(bytes.subarray(range.offset, end));
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#check(key);
    if (this.#objects.has(key)) return false;
    this.#objects.set(key, { bytes: copyOf(bytes), stored: this.#now() });
    return true;
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    this.#assertOpen();
    for (const [key, { bytes, stored }] of [...this.#objects]) {
      if (key.startsWith(prefix)) yield { key, size: bytes.length, stored };
    }
  }

  async delete(key: string): Promise<void> {
    this.#check(key);
    this.#objects.delete(key);
  }

  async readReference(name: string): Promise<Reference | undefined> {
    this.#check(name);
    const found = this.#references.get(name);
    return found && { bytes: copyOf(found.bytes), version: String(found.version) };
  }

  async swapReference(
    name: string,
    expected: string | undefined,
    bytes: Uint8Array,
  ): Promise<string | undefined> {
    this.#check(name);
    const found = this.#references.get(name);
    if ((found && String(found.version)) !== expected) return undefined;
    const version = (found?.version ?? 0) + 1;
    this.#references.set(name, { bytes: copyOf(bytes), version });
    return String(version);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #check(key: string): void {
    checkKey(key);
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeClosed(this.label);
  }
}

/** Not `slice`, which of a Buffer is no copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
