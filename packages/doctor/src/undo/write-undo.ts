import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { BlockDevice } from '@tidemark/block';
import { SECTOR } from '../repair/draft.ts';
import type { RepairPlan } from '../repair/plan-repair.ts';
import { metadataDigest } from './metadata-digest.ts';
import { UNDO_MAGIC, UNDO_VERSION, UndoHead, UndoRecord, UndoTail } from './spec.ts';

const STEP = 1 << 20;

interface Record {
  readonly offset: number;
  readonly phase: number;
  /** CRC-32 of each content that it is given. */
  readonly states: number[];
}

/**
 * Writes what takes a repair back to `target`, an empty file. When this resolves it is durable; the
 * image has not been touched.
 */
export async function writeUndo(
  target: BlockDevice,
  image: BlockDevice,
  plan: RepairPlan,
): Promise<void> {
  const records = recordsOf(plan);
  const head = UndoHead.encode({
    magic: UNDO_MAGIC,
    version: UNDO_VERSION,
    recordCount: records.length,
    sizeBefore: BigInt(plan.sizeBefore),
    sizeAfter: BigInt(plan.sizeAfter),
    digest: await metadataDigest(image, plan.sizeBefore),
  });
  const out = new Output(target);
  await out.add(head);
  for (const record of records) {
    const isNew = record.offset >= plan.sizeBefore;
    await out.add(encodeRecord(record, isNew));
    if (!isNew) await out.add(await oldContent(image, record.offset));
    await out.add(encodeStates(record.states));
  }
  await out.end();
  await target.flush();
}

/** In the order in which they are written first. */
function recordsOf({ phases }: RepairPlan): Iterable<Record> & { readonly length: number } {
  const records = new Map<number, Record>();
  for (const [phase, { sectors }] of phases.entries()) {
    for (const [offset, content] of sectors) {
      const known = records.get(offset);
      if (known === undefined) records.set(offset, { offset, phase, states: [crc32(content)] });
      else known.states.push(crc32(content));
    }
  }
  return [...records.values()];
}

function encodeRecord({ offset, phase, states }: Record, isNew: boolean): Uint8Array {
  return UndoRecord.encode({
    offset: BigInt(offset),
    phase,
    stateCount: states.length,
    isNew: isNew ? 1 : 0,
    reserved: null,
  });
}

function encodeStates(states: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(states.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, crc] of states.entries()) view.setUint32(i * 4, crc);
  return bytes;
}

/** The last sector of a file may be cut short. */
async function oldContent(image: BlockDevice, offset: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(SECTOR);
  await image.read(bytes.subarray(0, Math.min(SECTOR, image.size - offset)), offset);
  return bytes;
}

/** Appends to an empty device, in large writes, and ends with a digest of all. */
class Output {
  readonly #target: BlockDevice;
  readonly #hash = createHash('sha256');
  #parts: Uint8Array[] = [];
  #length = 0;
  #at = 0;

  constructor(target: BlockDevice) {
    this.#target = target;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await this.#push(bytes);
  }

  async end(): Promise<void> {
    await this.#push(UndoTail.encode({ digest: this.#hash.digest() }));
    await this.#flushParts();
  }

  async #push(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= STEP) await this.#flushParts();
  }

  async #flushParts(): Promise<void> {
    const bytes = Buffer.concat(this.#parts);
    await this.#target.resize(this.#at + bytes.length);
    await this.#target.write(bytes, this.#at);
    this.#at += bytes.length;
    this.#parts = [];
    this.#length = 0;
  }
}
