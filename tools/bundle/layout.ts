/**
 * A packed program: a loader, then in a comment its files, one behind the other, each in base64. Node
 * reads all of it at each start and V8 passes over the comment: the shorter the better, and one letter
 * beyond ASCII would make it twice as long. Large files are deflated; what inflates takes longer to
 * load than small ones would save.
 */
export const BEGIN = '/*files:';
export const END = '*/\n';

/** Where each file begins behind `BEGIN`, and how long it is there: bytes. */
export type FileTable = Readonly<
  Record<string, readonly [offset: number, length: number, isDeflated: 0 | 1]>
>;

/** What the loader is built with. */
export interface Packed {
  readonly files: FileTable;
  /** Of them all together, in bytes. */
  readonly length: number;
}
