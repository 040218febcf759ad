import type { DirtyBitmap } from '@tidemark/core';
import type { DriveState } from '../drive-state.ts';
import { recordingContent } from '../drive-bitmap.ts';
import type { Piece } from './digest-source.ts';

/**
 * A bitmap of the drive that has missed no write since an instant at which it is known what the drive
 * held: what it calls clean need not be read. It may be the one that is made anew.
 */
export interface TrustedBitmap {
  readonly name: string;
  /** The checkpoint that it has to have, of that instant; undefined: its own name tells it. */
  readonly checkpoint: string | undefined;
  /** Where the drive, at that instant, was not what the digests say. Absent: nowhere. */
  readonly differing?: DirtyBitmap | undefined;
}

/** What has to be looked at, since the trusted bitmap does not call it clean. */
export class Trust {
  readonly name: string;
  readonly #state: DriveState;
  readonly #look: DirtyBitmap;
  /** What is written until another bitmap has it. */
  readonly #meanwhile: DirtyBitmap;

  /** In one tick: what is written before is in the bitmap, and what is written later is recorded. */
  private constructor(state: DriveState, name: string, content: DirtyBitmap) {
    this.name = name;
    this.#state = state;
    this.#look = content.clone();
    this.#meanwhile = content.clone();
    this.#meanwhile.clear();
    state.recorder.attach(this.#meanwhile);
  }

  /** Undefined: it is not there, does not record, or began at another instant. */
  static begin(state: DriveState, trusted: TrustedBitmap | undefined): Trust | undefined {
    const bitmap = trusted && state.bitmaps.get(trusted.name);
    const content = bitmap && recordingContent(bitmap);
    if (content === undefined || bitmap?.condition !== 'sound' || bitmap.isAnew) return undefined;
    if (bitmap.checkpoint !== trusted!.checkpoint) return undefined;
    const trust = new Trust(state, bitmap.name, content);
    const { differing } = trusted!;
    if (differing === undefined) return trust;
    for (const { offset, length } of differing.dirtyExtents(0, differing.diskSize)) {
      trust.#look.set(offset, length);
    }
    return trust;
  }

  /** Called in the tick in which another bitmap begins to record. @returns what has to be looked at */
  end(): DirtyBitmap {
    this.#state.recorder.detach(this.#meanwhile);
    this.#look.merge(this.#meanwhile);
    return this.#look;
  }
}

/** A part of a piece, and whether it is known to be as it was. */
export interface PartOfPiece extends Piece {
  readonly isKnown: boolean;
}

/** Cuts a piece where granules are to be looked at, or need not be. */
export function* cutByTrust(
  piece: Piece,
  { granularity, digestSize }: { readonly granularity: number; readonly digestSize: number },
  look: DirtyBitmap | undefined,
): Generator<PartOfPiece, void, undefined> {
  if (look === undefined) {
    yield { ...piece, isKnown: false };
    return;
  }
  const stop = piece.offset + piece.length;
  const part = (from: number, to: number, isKnown: boolean): PartOfPiece => {
    const first = (from - piece.offset) / granularity;
    const end = Math.ceil((to - piece.offset) / granularity);
    const digests = piece.digests?.subarray(first * digestSize, end * digestSize);
    return { offset: from, length: to - from, isKnown, ...(digests && { digests }) };
  };
  for (let at = piece.offset; at < stop;) {
    const dirty = look.nextDirty(at, stop);
    const from = dirty < 0 ? stop : dirty - (dirty % granularity);
    if (from > at) yield part(at, from, true);
    if (dirty < 0) return;
    const clean = look.nextClean(dirty, stop);
    const to = clean < 0 ? stop : Math.min(stop, Math.ceil(clean / granularity) * granularity);
    yield part(from, to, false);
    at = to;
  }
}
