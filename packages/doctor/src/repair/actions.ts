/** What a repair does to an image. */
export type RepairAction =
  /** Refcounts that are higher than what refers to the cluster. */
  | { readonly action: 'free-leaks'; readonly clusters: number }
  | { readonly action: 'raise-refcounts'; readonly clusters: number }
  /** All refcounts are written anew, behind the end of the file. */
  | { readonly action: 'rebuild-refcounts'; readonly blocks: number }
  | { readonly action: 'fix-copied-flags'; readonly entries: number }
  /** A bitmap is lost: it is taken out of the directory. */
  | { readonly action: 'drop-bitmap'; readonly bitmap: string; readonly reasons: readonly string[] }
  /** A bitmap cannot be trusted, but its clusters are its own: from now on it can only be removed. */
  | {
      readonly action: 'mark-inconsistent';
      readonly bitmap: string;
      readonly reasons: readonly string[];
    }
  /** Data that QEMU does not know, and that the bitmap means the same without, is taken out. */
  | { readonly action: 'strip-extra-data'; readonly bitmap: string; readonly bytes: number }
  | { readonly action: 'rewrite-bitmap-directory'; readonly bitmaps: number }
  /** `reason`: why none of the bitmaps can be kept, or that there are none. */
  | { readonly action: 'remove-bitmaps-extension'; readonly reason: string }
  | { readonly action: 'end-extensions'; readonly offset: number }
  /** Features that nobody here keeps true, as bits of the header's field, in hex. */
  | { readonly action: 'clear-features'; readonly autoclear: string }
  | { readonly action: 'clear-mark'; readonly mark: 'dirty' | 'corrupt' };

/** One line of a plan. */
export function describeAction(action: RepairAction): string {
  switch (action.action) {
    case 'free-leaks':
      return `free ${action.clusters} leaked clusters`;
    case 'raise-refcounts':
      return `raise the refcounts of ${action.clusters} clusters`;
    case 'rebuild-refcounts':
      return `write all refcounts anew, in ${action.blocks} blocks at the end of the file`;
    case 'fix-copied-flags':
      return `set right ${action.entries} flags of entries whose cluster is or is not shared`;
    case 'drop-bitmap':
      return `drop bitmap '${action.bitmap}', which is lost: ${action.reasons.join(', ')}`;
    case 'mark-inconsistent':
      return `mark bitmap '${action.bitmap}' as inconsistent: ${action.reasons.join(', ')}`;
    case 'strip-extra-data':
      return `take ${action.bytes} bytes of extra data out of bitmap '${action.bitmap}', and keep it`;
    case 'rewrite-bitmap-directory':
      return `write the bitmap directory anew, with ${action.bitmaps} bitmaps`;
    case 'remove-bitmaps-extension':
      return `remove the bitmaps extension: ${action.reason}`;
    case 'end-extensions':
      return `end the header extensions at byte ${action.offset}: what follows cannot be read`;
    case 'clear-features':
      return `clear autoclear features that are not known: 0x${action.autoclear}`;
    default:
      return `no longer mark the image as ${action.mark}`;
  }
}
