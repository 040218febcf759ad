import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { DirtyBitmap } from '../dirty-bitmap.ts';
import { checkBitmapName } from '../limits.ts';
import {
  BITMAP_FILE_MAGIC,
  BITMAP_FILE_VERSION,
  type BitmapFile,
  BitmapFlag,
  BitmapHeader,
  FileHeader,
  type FiledBitmap,
  PIECE_BYTES,
  PieceHeader,
  PieceKind,
} from './format.ts';

/** The file in pieces, in order. @throws BITMAP_INVALID: a name */
export function* encodeBitmapFile(file: BitmapFile): Generator<Uint8Array> {
  const digest = createHash('sha256');
  for (const piece of piecesOf(file)) {
    digest.update(piece);
    yield piece;
  }
  yield digest.digest();
}

function* piecesOf({ diskSize, origin, bitmaps }: BitmapFile): Generator<Uint8Array> {
  const text = Buffer.from(origin);
  yield FileHeader.encode({
    magic: BITMAP_FILE_MAGIC,
    version: BITMAP_FILE_VERSION,
    originLength: text.length,
    diskSize: BigInt(diskSize),
    bitmapCount: bitmaps.length,
    reserved: null,
  });
  yield text;
  for (const bitmap of bitmaps) {
    yield headerOf(bitmap);
    yield Buffer.from(bitmap.name);
    yield* bitsOf(bitmap.content);
  }
}

function headerOf({ name, enabled, content, checkpoint, isUntrusted }: FiledBitmap): Uint8Array {
  checkBitmapName(name);
  const flags =
    (enabled ? BitmapFlag.ENABLED : 0) |
    (checkpoint === undefined ? 0 : BitmapFlag.HAS_CHECKPOINT) |
    (isUntrusted ? BitmapFlag.UNTRUSTED : 0);
  return BitmapHeader.encode({
    nameLength: Buffer.byteLength(name),
    granularityBits: Math.log2(content.granularity),
    flags,
    reserved: null,
    checkpoint: checkpoint === undefined ? Buffer.alloc(16) : Buffer.from(checkpoint, 'hex'),
  });
}

function* bitsOf(content: DirtyBitmap): Generator<Uint8Array> {
  const total = content.serializedLength;
  for (let at = 0; at < total; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, total - at);
    const found = content.contentOf(at, length);
    if (found !== 'mixed') {
      const kind = found === 'zeros' ? PieceKind.CLEAN : PieceKind.DIRTY;
      yield PieceHeader.encode({ kind, reserved: null, length: 0 });
      continue;
    }
    const bits = new Uint8Array(length);
    content.serialize(bits, at);
    const deflated = deflateRawSync(bits);
    const kind = PieceKind.DEFLATED;
    yield PieceHeader.encode({ kind, reserved: null, length: deflated.length });
    yield deflated;
  }
}
