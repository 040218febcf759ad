/**
 * A packed program: a loader, then in a comment the texts of its files, one behind the other. V8
 * passes over a comment; it would look through all of the text at each start otherwise.
 */
export const BEGIN = '/*files:';
export const END = '*/\n';
/** In place of the slash of what would end the comment; in no text otherwise. */
export const SLASH = '\u0006';

/** Where the text of each file begins behind `BEGIN`, and how long it is. Bytes. */
export type FileTable = Readonly<Record<string, readonly [offset: number, length: number]>>;

/** What the loader is built with. */
export interface Packed {
  readonly files: FileTable;
  /** Of them all together, in bytes. */
  readonly length: number;
}
