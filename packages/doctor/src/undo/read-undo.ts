import { createHash } from 'node:crypto';
import type { BlockDevice } from '@tidemark/block';
import { TidemarkError, toNumber } from '@tidemark/core';
import { SECTOR } from '../repair/draft.ts';
import { UNDO_MAGIC, UNDO_VERSION, UndoHead, UndoRecord, UndoTail } from './spec.ts';

export interface UndoneSector {
  readonly offset: number;
  readonly phase: number;
  /** Undefined: it was behind the end of the file. */
  readonly old: Uint8Array | undefined;
  readonly states: readonly number[];
}

export interface Undo {
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  readonly digest: Uint8Array;
  readonly sectors: readonly UndoneSector[];
}

/** Bytes; a repair of all refcounts of 64 TiB in clusters of 64 KiB needs less. */
const MAX_BYTES = 2 ** 30;

/** @throws UNDO_INVALID: not an undo file, or not as it was written */
export async function readUndo(file: BlockDevice): Promise<Undo> {
  if (file.size < UndoHead.size + UndoTail.size || file.size > MAX_BYTES) {
    throw invalid(file, 'is not an undo file');
  }
  const bytes = new Uint8Array(file.size);
  await file.read(bytes, 0);
  const head = UndoHead.decode(bytes);
  if (head.magic !== UNDO_MAGIC) throw invalid(file, 'is not an undo file');
  if (head.version !== UNDO_VERSION) throw invalid(file, `has the unknown version ${head.version}`);
  const body = bytes.subarray(0, -UndoTail.size);
  const { digest } = UndoTail.decode(bytes, body.length);
  if (Buffer.compare(createHash('sha256').update(body).digest(), digest) !== 0) {
    throw invalid(file, 'is not whole: its checksum is another');
  }
  return {
    sizeBefore: toNumber(head.sizeBefore, 'size before'),
    sizeAfter: toNumber(head.sizeAfter, 'size after'),
    digest: head.digest,
    sectors: readRecords(file, body, head.recordCount),
  };
}

function readRecords(file: BlockDevice, body: Uint8Array, count: number): UndoneSector[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const sectors: UndoneSector[] = [];
  let at = UndoHead.size;
  for (let i = 0; i < count; i++) {
    const { offset, phase, stateCount, isNew } = UndoRecord.decode(body, at);
    at += UndoRecord.size;
    const oldBytes = isNew === 1 ? 0 : SECTOR;
    if (at + oldBytes + stateCount * 4 > body.length) throw invalid(file, 'is cut short');
    const old = isNew === 1 ? undefined : body.subarray(at, at + SECTOR);
    at += oldBytes;
    const states = Array.from({ length: stateCount }, (_, state) => view.getUint32(at + state * 4));
    at += stateCount * 4;
    sectors.push({ offset: toNumber(offset, 'offset'), phase, old, states });
  }
  return sectors;
}

function invalid(where: { readonly label: string }, problem: string): TidemarkError {
  return new TidemarkError('UNDO_INVALID', `${where.label} ${problem}`, {
    where: where.label,
    hint: 'name the file that the repair of this very image has written',
  });
}
