import type { DriveFacts } from '@tidemark/block';
import { type DirectoryEntry, unchanging } from '@tidemark/core';
import { boundTo, type Control, type ImageMetadata, type NewDirectory } from '@tidemark/qcow2';
import { whyAnotherFile } from './another-file.ts';
import { randomId } from './random-id.ts';

/**
 * What an image says of who records in its bitmaps, in its control extension. While bitmaps are live
 * it says which file it lies in: a copy of the file that was made meanwhile may hold clean bits of
 * what it has copied before it was written.
 */
export class ImageControl {
  readonly #image: ImageMetadata;
  readonly #storeId: Uint8Array;
  readonly #sessionId = randomId();

  constructor(image: ImageMetadata) {
    this.#image = image;
    this.#storeId = this.#found?.storeId ?? randomId();
  }

  /** See `BitmapStore`. */
  get id(): string | undefined {
    const { writable, hasRoomForControl } = this.#image;
    const isKept = this.#found !== undefined || (this.#isOurs && writable && hasRoomForControl);
    return isKept ? Buffer.from(this.#storeId).toString('hex') : undefined;
  }

  /** Why no bitmap can be live: a clause. They have to be switched in one write of sector 0. */
  get whyNotLive(): string | undefined {
    if (!this.#isOurs) return 'it is the sidecar of another drive';
    // Of version 2 there are no bitmaps, and whoever makes one is told why not.
    if (this.#image.version < 3 || this.#image.hasRoomForBitmaps) return undefined;
    return 'its header has no room for them in sector 0';
  }

  /** Whether the session that last had live bitmaps has not closed them, or goes on. */
  get isBusy(): boolean {
    return this.#isOurs && this.#found?.state === 'busy';
  }

  /** The entries as they can be trusted. `isShared`: the session that is busy may be going on. */
  async judge(
    entries: readonly DirectoryEntry[],
    { isShared }: { readonly isShared: boolean },
  ): Promise<readonly DirectoryEntry[]> {
    if (!this.isBusy) return entries;
    const { isBound, drive } = this.#found!;
    const why = isBound ? whyAnotherFile(drive, await this.#image.fileFacts()) : undefined;
    if (why === undefined) return isShared ? entries : entries.map(asRecovered);
    const reason = `the image was in use when it was copied, as it seems: ${why}`;
    return entries.map((entry) =>
      hasRecorded(entry) ? { ...entry, inUse: true, reason, rule: 'copy' } : entry,
    );
  }

  /**
   * What the image is to say beside a new directory. Undefined: as before, and nobody vouches for
   * it. @throws I/O codes: nothing was changed
   */
  async prepare(
    entries: readonly DirectoryEntry[],
    diskSize = this.#image.virtualSize,
  ): Promise<((directory: NewDirectory) => Control) | undefined> {
    const isNeeded = entries.length > 0 || this.#image.control !== undefined;
    if (!this.#isOurs || !isNeeded) return undefined;
    const file = await unchanging(() => this.#image.fileFacts());
    return ({ seal, liveEntries, tokens }) => ({
      kind: 'image',
      state: entries.some(({ live }) => live === true) ? 'busy' : 'idle',
      storeId: this.#storeId,
      sessionId: this.#sessionId,
      leaseUntil: 0n,
      ...boundTo(file && withoutTimes(file), diskSize),
      directory: seal,
      liveEntries,
      tokens,
    });
  }

  /**
   * Whether nothing would be new but that no bitmap is live any more: an image that goes on to say
   * so in vain is not wrong, and where there is no room to write, bitmaps can be released still.
   */
  isLeftBusy(
    next: readonly DirectoryEntry[],
    now: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, unknown>,
  ): boolean {
    const isSame = ({ name, enabled, inUse }: DirectoryEntry, index: number) =>
      now[index]?.name === name && now[index].enabled === enabled && now[index].inUse === inUse;
    return (
      this.isBusy &&
      contents.size === 0 &&
      next.length === now.length &&
      next.every((entry, index) => isSame(entry, index) && entry.live !== true)
    );
  }

  get #found(): Control | undefined {
    const found = this.#image.control;
    return found !== undefined && 'control' in found ? found.control : undefined;
  }

  /** The bitmaps of a sidecar are its drive's, of which we know nothing. */
  get #isOurs(): boolean {
    return this.#found?.kind !== 'sidecar';
  }
}

/** What does not record misses no write, and was not marked. */
function hasRecorded({ enabled, unsupported }: DirectoryEntry): boolean {
  return enabled && unsupported === undefined;
}

function asRecovered(entry: DirectoryEntry): DirectoryEntry {
  return hasRecorded(entry) && !entry.inUse ? { ...entry, recovered: true } : entry;
}

/** Which file it is: what is written to it is no reason to distrust its bitmaps. */
function withoutTimes(file: DriveFacts): DriveFacts {
  if (file.kind === 'file') return { ...file, modified: 0n, changed: 0n };
  return file.counters === undefined
    ? file
    : { ...file, counters: { ...file.counters, writtenSectors: 0n } };
}
