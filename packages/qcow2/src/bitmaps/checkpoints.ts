import type { DirectoryEntry } from '@tidemark/core';
import type { DirectorySeal, FoundControl } from '../control/control.ts';
import { type Token, tokenKey, tokenOf } from '../control/tokens.ts';
import { roundUp, SECTOR_SIZE } from '../geometry.ts';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';

/*
 * The checkpoint of a bitmap is a token in the control extension. It counts only where nobody who
 * does not know tokens can have changed the bitmap: QEMU would clear it and leave the token.
 */

/** `lost`: why it is not known although there may be one, a clause. */
interface KnownCheckpoint {
  readonly checkpoint?: string;
  readonly lost?: string;
}

/** The directory that is in place, and its bitmaps as they are on disk. */
interface Place {
  readonly seal: DirectorySeal;
  readonly records: readonly BitmapRecord[];
}

interface Evidence {
  readonly found: FoundControl | undefined;
  readonly seal: DirectorySeal;
  /** Bytes. */
  readonly virtualSize: number;
  readonly hasRoomForControl: () => boolean;
}

const CHANGED =
  'another program has had its image open for writing since, and may have cleared or resized it';
const NO_ROOM = 'the header of its image has no room to keep it';

/** Which checkpoints the bitmaps of an image have. */
export class Checkpoints {
  readonly #image: ImageMetadata;
  #known: ReadonlyMap<string, KnownCheckpoint> = new Map();
  /** Those that there is no room for come last. */
  #tokens: readonly Token[] = [];

  constructor(image: ImageMetadata) {
    this.#image = image;
  }

  of(name: string): KnownCheckpoint {
    return this.#known.get(name) ?? {};
  }

  /** From the control extension that is in place. */
  read({ seal, records }: Place): void {
    const { control: found, virtualSize } = this.#image;
    // Laid out to find it out, and mostly not asked.
    const hasRoomForControl = () => this.#image.hasRoomForControl;
    this.#known = readCheckpoints({ found, seal, virtualSize, hasRoomForControl }, records);
    const before = found !== undefined && 'control' in found ? found.control.tokens : [];
    this.#tokens = tokensOf(records, (name) => this.of(name).checkpoint, before);
  }

  /** The tokens of a new directory. Those that were not there before come first. */
  next(entries: readonly DirectoryEntry[], records: readonly BitmapRecord[]): readonly Token[] {
    const given = new Map(entries.map(({ name, checkpoint }) => [name, checkpoint]));
    return tokensOf(records, (name) => given.get(name), this.#tokens);
  }

  /** After the commit of a directory with these tokens. */
  committed(tokens: readonly Token[], place: Place): void {
    this.read(place);
    // Where another bitmap goes, what had no room may have it again.
    this.#tokens = tokens;
  }
}

/** By the names of the bitmaps. */
function readCheckpoints(
  evidence: Evidence,
  records: readonly BitmapRecord[],
): ReadonlyMap<string, KnownCheckpoint> {
  const judged = judge(evidence);
  const keys = records.map((record) => keyOf(record));
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return new Map(
    records.map((record, index) => {
      const key = keys[index]!;
      // Of two names that look alike nobody knows whose it is.
      return [record.name, counts.get(key) === 1 ? judged(record, key) : {}];
    }),
  );
}

function judge({
  found,
  seal,
  virtualSize,
  hasRoomForControl,
}: Evidence): (record: BitmapRecord, key: string) => KnownCheckpoint {
  if (found === undefined) return () => (hasRoomForControl() ? {} : { lost: NO_ROOM });
  if ('problem' in found) {
    return () => ({ lost: `the control extension of its image ${found.problem}` });
  }
  const { control, isVouchedFor, slots } = found;
  const { kind, directory, drive } = control;
  const tokens = new Map(control.tokens.map((token) => [tokenKey(token), token.checkpoint]));
  const isSame = directory.offset === seal.offset && directory.crc === seal.crc;
  // Of a sidecar the size is its drive's, and for a while of a resize another one than its own.
  const hasSize = kind === 'sidecar' || roundUp(drive.size, SECTOR_SIZE) === virtualSize;
  return ({ inUse }, key) => {
    const checkpoint = tokens.get(key);
    if (checkpoint === undefined) return tokens.size === slots ? { lost: fullOf(slots) } : {};
    // QEMU changes no bitmap that is in use, and where all are, the autoclear bit is not set.
    const isKept = isSame && hasSize && (isVouchedFor || inUse);
    return isKept ? { checkpoint } : { lost: CHANGED };
  };
}

function fullOf(slots: number): string {
  if (slots === 0) return NO_ROOM;
  return `its image has room for the checkpoints of ${slots} bitmaps, and keeps those of ${slots} others`;
}

function keyOf({ nameBytes }: BitmapRecord): string {
  return tokenKey(tokenOf(nameBytes, ''));
}

/** In the order of `before`; others come first. */
function tokensOf(
  records: readonly BitmapRecord[],
  checkpointOf: (name: string) => string | undefined,
  before: readonly Token[],
): readonly Token[] {
  const places = new Map(before.map((token, index) => [identify(token), index]));
  const placeOf = (token: Token) => places.get(identify(token)) ?? -1;
  return records
    .flatMap(({ name, nameBytes }) => {
      const checkpoint = checkpointOf(name);
      return checkpoint === undefined ? [] : tokenOf(nameBytes, checkpoint);
    })
    .toSorted((a, b) => placeOf(a) - placeOf(b));
}

const identify = (token: Token) => `${tokenKey(token)}:${token.checkpoint}`;
