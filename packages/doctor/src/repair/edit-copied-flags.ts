import type { Walk } from '../count/walk.ts';
import { type Draft, SECTOR } from './draft.ts';

const COPIED = 0x80;
const COPIED_BIT = 1n << 63n;
const OFFSET_BITS = 0x00ff_ffff_ffff_fe00n;
const ENTRY = 8;
const OFFSET_HIGH = 0x00ff_ffff;

/** A flag that is set right. */
export interface ChangedFlag {
  /** Of the entry. Bytes in the file. */
  readonly at: number;
  /** As it was. */
  readonly entry: bigint;
  readonly cluster: number;
  /** Undefined: it is an entry of an L2 table. */
  readonly l1Index?: number;
}

/**
 * Sets the flags of active L1 and L2 entries that say that nothing else uses a cluster, or clears
 * them, where `isExclusive` says so of their cluster. @returns how many entries were changed
 */
export async function editCopiedFlags(
  walk: Walk,
  draft: Draft,
  to: 'set' | 'clear',
  isExclusive: (cluster: number) => boolean,
  onChange: (flag: ChangedFlag) => void,
): Promise<number> {
  const { layout, source, activeL2Tables } = walk;
  const { clusterSize } = layout;
  const edit = async (offset: number, bytes: Uint8Array, step: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const changed = flip(bytes, { clusterSize, step, to, isExclusive });
    const isL1 = offset === layout.l1?.offset;
    for (const at of changed) {
      const entry = view.getBigUint64(at) ^ COPIED_BIT;
      const cluster = Number((entry & OFFSET_BITS) / BigInt(clusterSize));
      onChange({ at: offset + at, entry, cluster, ...(isL1 && { l1Index: at / ENTRY }) });
    }
    for (const sector of new Set(changed.map((at) => Math.floor(at / SECTOR) * SECTOR))) {
      await draft.set(offset + sector, bytes.subarray(sector, sector + SECTOR));
    }
    return changed.length;
  };
  let changed = 0;
  if (layout.l1 !== undefined) {
    const { offset, entries } = layout.l1;
    const length = Math.max(0, Math.min(entries * ENTRY, source.size - offset));
    const bytes = await source.read(offset, length);
    changed += await edit(offset, await withDraft(draft, offset, bytes), ENTRY);
  }
  if (layout.hasDataFile) return changed;
  const buffer = new Uint8Array(clusterSize);
  for (const [cluster] of activeL2Tables.entries()) {
    const offset = cluster * clusterSize;
    await source.readInto(buffer, offset);
    const bytes = await withDraft(draft, offset, buffer);
    changed += await edit(offset, bytes, layout.hasExtendedL2 ? 2 * ENTRY : ENTRY);
  }
  return changed;
}

/** The table as the phases before have left it. */
async function withDraft(draft: Draft, offset: number, bytes: Uint8Array): Promise<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const sector = draft.latest.get(offset + at);
    if (sector !== undefined) bytes.set(sector.subarray(0, bytes.length - at), at);
  }
  return bytes;
}

interface FlipOptions {
  readonly clusterSize: number;
  /** Bytes of an entry. */
  readonly step: number;
  readonly to: 'set' | 'clear';
  readonly isExclusive: (cluster: number) => boolean;
}

/** Changes the table in `bytes`. @returns where entries were changed */
function flip(bytes: Uint8Array, { clusterSize, step, to, isExclusive }: FlipOptions): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const changed: number[] = [];
  for (let at = 0; at + step <= bytes.length; at += step) {
    const high = view.getUint32(at);
    const low = view.getUint32(at + 4);
    if (high === 0 && low >>> 9 === 0) continue;
    // Compressed ones never have the flag.
    if ((high & 0x4000_0000) !== 0) continue;
    const offset = (high & OFFSET_HIGH) * 2 ** 32 + ((low & ~(SECTOR - 1)) >>> 0);
    if (offset === 0 || offset % clusterSize !== 0) continue;
    const isSet = high >>> 31 === 1;
    const wanted = isExclusive(offset / clusterSize);
    if (isSet === wanted || wanted !== (to === 'set')) continue;
    bytes[at] = bytes[at]! ^ COPIED;
    changed.push(at);
  }
  return changed;
}
