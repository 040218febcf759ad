/** What is to become of one bitmap. */
export type IntendedBitmap =
  | {
      readonly change: 'put';
      readonly name: string;
      /** Bytes. */
      readonly granularity: number;
      readonly enabled: boolean;
      /** The checkpoint that it had before; null: it is not known, or there was no bitmap. */
      readonly before: string | null;
      /** The one that it is to have. */
      readonly after: string | null;
    }
  | { readonly change: 'remove'; readonly name: string; readonly before: string | null };

/** The part of one store: all of it is one commit. */
export interface IntentMember {
  /** The store's id, 32 hexadecimal digits; null where it keeps none. */
  readonly store: string | null;
  /**
   * Where the store is, in words that stay: a path. By it a store is found whose id was not durable
   * yet.
   */
  readonly place: string;
  readonly bitmaps: readonly IntendedBitmap[];
  /** A later opening of the store has seen to it. */
  readonly done: boolean;
}

/** A change of bitmaps in several stores that is made in all of them or, by a crash, in some. */
export interface Intent {
  /** 32 hexadecimal digits: names the change, and is the checkpoint of what begins with it. */
  readonly set: string;
  readonly members: readonly IntentMember[];
}

/** Where a store is kept. */
export interface StorePlace {
  readonly id?: string | undefined;
  readonly place: string;
}

/**
 * Whether a bitmap with this checkpoint may lack what it is to become, or have become just that.
 * One that somebody has begun anew since is of the change no longer.
 */
export function isOfChange(
  bitmap: IntendedBitmap,
  set: string,
  checkpoint: string | undefined,
): boolean {
  if (checkpoint === undefined || checkpoint === set || checkpoint === bitmap.before) return true;
  // Of what was to be made all ones will do, whatever it was; what was to go may stay.
  return bitmap.change === 'put' && bitmap.before === null;
}

/**
 * Whether a member tells of this store. By its place too: to take one store for another costs a full
 * copy, and to miss one would leave its change undone.
 */
export function isOf(member: IntentMember, { id, place }: StorePlace): boolean {
  return (id !== undefined && member.store === id) || member.place === place;
}
