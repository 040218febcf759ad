import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { toNumber } from '../codec/to-number.ts';
import { DirtyBitmap } from '../dirty-bitmap.ts';
import { isTidemarkError, TidemarkError } from '../errors.ts';
import { checkBitmapName, MAX_BITMAPS } from '../limits.ts';
import {
  BITMAP_FILE_MAGIC,
  BITMAP_FILE_VERSION,
  type BitmapFile,
  BitmapFlag,
  BitmapHeader,
  DIGEST_BYTES,
  FileHeader,
  type FiledBitmap,
  MAX_ORIGIN_BYTES,
  PIECE_BYTES,
  PieceHeader,
  PieceKind,
} from './format.ts';

/** Granularities of 512 B to 2 GiB. */
const [MIN_BITS, MAX_BITS] = [9, 31];
const KNOWN_FLAGS = BitmapFlag.ENABLED | BitmapFlag.HAS_CHECKPOINT | BitmapFlag.UNTRUSTED;

/**
 * Reads a whole file. `where`: of the file, for messages.
 * @throws IMAGE_UNRECOGNIZED: not such a file; IMAGE_UNSUPPORTED: of a later version; IMAGE_CORRUPT:
 *   cut short, changed, or against its own rules; BITMAP_TOO_LARGE
 */
export function decodeBitmapFile(file: Uint8Array, where: string): BitmapFile {
  try {
    checkKind(file);
    const content = checkedContent(file);
    return new Reader(content).file();
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    const hint = error.context.hint ?? 'export the bitmaps again, or copy the file again';
    const text = `bitmap file '${where}': ${error.message}`;
    throw new TidemarkError(error.code, text, { ...error.context, where, hint }, error);
  }
}

function checkKind(file: Uint8Array): void {
  const isOurs = BITMAP_FILE_MAGIC.equals(file.subarray(0, BITMAP_FILE_MAGIC.length));
  if (!isOurs) {
    const hint = 'name a file that `tidemark bitmap export` made';
    throw new TidemarkError('IMAGE_UNRECOGNIZED', 'this is not a file of bitmaps', { hint });
  }
  const { version } = FileHeader.decode(file);
  if (version === BITMAP_FILE_VERSION) return;
  const hint = 'use a later version of this program';
  throw new TidemarkError('IMAGE_UNSUPPORTED', `its version is ${version}`, { hint });
}

/** Nothing behind the header counts before all of it is known to be whole. */
function checkedContent(file: Uint8Array): Uint8Array {
  const end = file.length - DIGEST_BYTES;
  if (end < FileHeader.size) throw corrupt('it is cut short');
  const content = file.subarray(0, end);
  const digest = createHash('sha256').update(content).digest();
  if (digest.equals(file.subarray(end))) return content;
  throw corrupt('its checksum does not match: it is damaged or cut short');
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  file(): BitmapFile {
    const { originLength, diskSize: size, bitmapCount } = this.#header(FileHeader);
    if (originLength > MAX_ORIGIN_BYTES) throw corrupt('what tells of its drive is too long');
    if (bitmapCount > MAX_BITMAPS) throw corrupt(`it has ${bitmapCount} bitmaps`);
    const diskSize = toNumber(size, 'size of the drive');
    const origin = this.#text(originLength);
    const bitmaps: FiledBitmap[] = [];
    const names = new Set<string>();
    for (let index = 0; index < bitmapCount; index++) {
      const bitmap = this.#bitmap(diskSize);
      if (names.has(bitmap.name)) throw corrupt(`bitmap '${bitmap.name}' is in it twice`);
      names.add(bitmap.name);
      bitmaps.push(bitmap);
    }
    if (this.#at !== this.#bytes.length) throw corrupt('there is something behind its bitmaps');
    return { diskSize, origin, bitmaps };
  }

  #bitmap(diskSize: number): FiledBitmap {
    const { nameLength, granularityBits, flags, checkpoint } = this.#header(BitmapHeader);
    if (granularityBits < MIN_BITS || granularityBits > MAX_BITS) {
      throw corrupt(`a granularity is 2^${granularityBits} bytes`);
    }
    if ((flags & ~KNOWN_FLAGS) !== 0) throw corrupt(`a bitmap has flags that are not known`);
    const name = this.#text(nameLength);
    checkBitmapName(name);
    const content = new DirtyBitmap(diskSize, 2 ** granularityBits);
    this.#bits(content);
    return {
      name,
      content,
      enabled: (flags & BitmapFlag.ENABLED) !== 0,
      isUntrusted: (flags & BitmapFlag.UNTRUSTED) !== 0,
      ...((flags & BitmapFlag.HAS_CHECKPOINT) !== 0 && {
        checkpoint: Buffer.from(checkpoint).toString('hex'),
      }),
    };
  }

  #bits(content: DirtyBitmap): void {
    const total = content.serializedLength;
    for (let at = 0; at < total; at += PIECE_BYTES) {
      const size = Math.min(PIECE_BYTES, total - at);
      const { kind, length } = this.#header(PieceHeader);
      const data = this.#take(length);
      if (kind === PieceKind.DEFLATED) content.deserialize(inflate(data, size), at);
      else if (kind === PieceKind.DIRTY && length === 0) content.fill(at, size, true);
      else if (kind !== PieceKind.CLEAN || length !== 0)
        throw corrupt('a piece is of no known kind');
    }
  }

  #header<T>(header: { readonly size: number; decode(source: Uint8Array): T }): T {
    return header.decode(this.#take(header.size));
  }

  #text(length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#take(length));
    } catch (error) {
      if (isTidemarkError(error)) throw error;
      throw corrupt('a text in it is not UTF-8');
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw corrupt('it ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function inflate(data: Uint8Array, size: number): Uint8Array {
  let bits: Uint8Array;
  try {
    bits = inflateRawSync(data, { maxOutputLength: size });
  } catch (error) {
    throw corrupt('a piece cannot be inflated', error);
  }
  if (bits.length === size) return bits;
  throw corrupt(`a piece has ${bits.length} bytes instead of ${size}`);
}

function corrupt(text: string, cause?: unknown): TidemarkError {
  return new TidemarkError('IMAGE_CORRUPT', text, {}, cause);
}
