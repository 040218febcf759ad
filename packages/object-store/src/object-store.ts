/** An object as a list shows it. */
export interface StoredObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** When it was stored, ms since 1970, by the clock of the store. */
  readonly stored: number;
}

/** Bytes of an object. */
export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
}

/** What a reference holds, and a word for this state of it. */
export interface Reference {
  readonly bytes: Uint8Array;
  /** Means something to the store alone. */
  readonly version: string;
}

/** An object on its way into a store, whose key is known at its end only. */
export interface ObjectWriter {
  /** Adds bytes behind those before. They must not change until this resolves; calls may overlap. */
  append(bytes: Uint8Array): Promise<void>;

  /** As `putIfAbsent`, of all that was appended. Rejects where an `append` did. */
  finish(key: string): Promise<boolean>;

  /** Nothing of it stays. Harmless behind `finish`. */
  abandon(): Promise<void>;
}

/**
 * Keeps objects, which never change, and references, which do. A key is made of words of `a-z`,
 * `0-9`, `.` and `-`, apart by `/`; no word begins with a dot.
 */
export interface ObjectStore extends AsyncDisposable {
  /** Names the store in messages, for example `directory '/backups'`. */
  readonly label: string;

  /**
   * The object, or a range of it, whole: an object that ends before the range does is
   * BACKUP_CORRUPT. @throws FILE_NOT_FOUND
   */
  get(key: string, range?: ObjectRange): Promise<Uint8Array>;

  /**
   * Stores an object unless there is one by that key; durable when this resolves. An object is
   * there whole or not at all. The bytes must not change until then.
   * @returns false: there was one, and it is as it was
   */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;

  /** Absent where an object has to be there whole before it can be sent. */
  newObject?(): ObjectWriter;

  /** Objects whose key begins with `prefix`, which ends with `/` or is empty; in no order. They are durable. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Removes an object. One that is not there is no failure. */
  delete(key: string): Promise<void>;

  /** The newest state of a reference, which is durable. Undefined: it was never set. */
  readReference(name: string): Promise<Reference | undefined>;

  /**
   * Sets a reference if it still is as `expected`, undefined meaning that it was never set. Durable
   * when this resolves. A swap that failed, or that was in conflict, may have been done all the
   * same: only another read tells.
   * @returns the new version; undefined: somebody else was quicker
   */
  swapReference(
    name: string,
    expected: string | undefined,
    bytes: Uint8Array,
  ): Promise<string | undefined>;

  /** Idempotent. */
  close(): Promise<void>;
}
