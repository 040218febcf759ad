/** A drive of a view. */
export interface ViewedDrive {
  readonly node: string;
  /** A bitmap whose bits stand still, and can be read beside the view. */
  readonly bitmap?: string | undefined;
  /** It is read only, and stays what it is. Default: the view may end with a clear. */
  readonly isRead?: boolean | undefined;
  /** A persistent bitmap that begins at the instant of the view. */
  readonly begin?: { readonly name: string; readonly granularity?: number | undefined } | undefined;
  /** Bitmaps that the view shows as well, as they are at its instant: those of them that record. */
  readonly shows?: readonly string[] | undefined;
  /**
   * Only what `bitmap` calls dirty can be read, widened to whole granules of so many bytes: what is
   * clean is overwritten without a copy.
   */
  readonly onlyDirty?: number | undefined;
}

/** Which drives a view shows, all of one instant. */
export interface ViewOptions {
  readonly drives: readonly ViewedDrive[];
  /** Folder for what is overwritten meanwhile; see `openScratch`. */
  readonly scratch?: string | undefined;
}

/** A view that can be read. */
export interface OpenedView {
  readonly id: string;
  /** Path of a unix socket, on which an NBD server has an export under each node's name. */
  readonly socket: string;
}

/** How a view ends. */
export type ViewEnd =
  /** As if it had never been: bitmaps that began with it go. */
  | { readonly keep: false }
  /** Bitmaps that began with it stay; those that stood still go on. */
  | { readonly keep: true; readonly checkpoint?: undefined }
  /** And those that stood still begin anew: the name of the view's instant, 32 hex digits. */
  | { readonly keep: true; readonly checkpoint: string };
