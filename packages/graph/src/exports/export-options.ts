/** A bitmap of the exported node or behind it, or of the node that is named. */
export type BitmapReference = string | { readonly node: string; readonly name: string };

/** Of an export with all bitmaps of its node. */
export type WholeExportOptions = Omit<ExportOptions, 'bitmaps' | 'node-name'>;

/** qapi BlockExportOptions of an NBD export, by its members' names. */
export interface ExportOptions {
  readonly id: string;
  readonly 'node-name': string;
  /** Default false. */
  readonly writable?: boolean | undefined;
  /** Each write is durable before it is answered. Default false. */
  readonly writethrough?: boolean | undefined;
  /** Of the NBD export. Default: the node's. */
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly bitmaps?: readonly BitmapReference[] | undefined;
  readonly 'allocation-depth'?: boolean | undefined;
}
