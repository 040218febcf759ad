import type { DirtyBitmap } from './dirty-bitmap.ts';

/** One change of a store, for `BitmapStore.commit`. Those of one call are made all, or none. */
export type BitmapChange =
  | {
      readonly op: 'create';
      readonly name: string;
      readonly enabled: boolean;
      readonly content: DirtyBitmap;
      /** Leaves it in use by this store, in the same durable step, as `acquire` would. */
      readonly acquire?: boolean | 'live';
      /** See `store`. Default: none. */
      readonly checkpoint?: string | null;
    }
  | {
      readonly op: 'store';
      readonly name: string;
      readonly enabled?: boolean;
      readonly content: DirtyBitmap;
      /**
       * It is live with this content, whatever it was before: ask for its bits again. Default: it
       * is in use no longer, and if it was live, its bits are refused from now on.
       */
      readonly live?: boolean;
      /**
       * 32 hexadecimal digits that name the instant since which it records: a backup keeps them
       * too, and knows by them that the bitmap still begins there. Null where a bitmap that was
       * cleared or switched off begins nowhere that is known. Default: as before.
       */
      readonly checkpoint?: string | null;
    }
  /**
   * Makes all of it clean, and reads none of its bits. Of a bitmap at rest, as `switch` and `merge`.
   */
  | {
      readonly op: 'clear';
      readonly name: string;
      /** See `store`. Default: none, for it begins nowhere that is known. */
      readonly checkpoint?: string | null;
    }
  /** Other flags, and the bits that it has, of which none is read. It has no checkpoint then. */
  | { readonly op: 'switch'; readonly name: string; readonly enabled: boolean }
  /**
   * Makes dirty what is dirty in a source, rounding outward: another bitmap of the store, at rest and
   * as the changes before have left it, or a content. A store that can merges bitmaps where they lie,
   * in little memory. The checkpoint stays. Refused (BITMAP_BUSY) with bits that the same commit
   * releases.
   */
  | {
      readonly op: 'merge';
      readonly name: string;
      readonly sources: readonly (string | DirtyBitmap)[];
    }
  /** A live bitmap is in use no longer: what lies on disk is its content, durably. */
  | { readonly op: 'release'; readonly name: string }
  | { readonly op: 'remove'; readonly name: string };
