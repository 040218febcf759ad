import { ioBuffer } from '@tidemark/block';
import type { Finding } from '../findings.ts';
import { hex } from '../qemu-line.ts';
import { refcountReader } from '../refcounts/refcount-reader.ts';
import type { RefcountTable } from '../refcounts/refcount-table.ts';
import type { Walk } from './walk.ts';

/** More are told of at once, without the refcount. */
export const MAX_HELD = 100_000;

/** An active entry that says wrongly whether the refcount of its cluster is just 1. */
export interface CopiedFault {
  /** Of the entry. Bytes in the file. */
  readonly at: number;
  readonly entry: bigint;
  readonly cluster: number;
  /** Undefined: it is an entry of an L2 table. */
  readonly l1Index?: number;
  readonly weight: number;
}

/** Told of last, as `qemu-img check` does: refcounts are looked up when all else is known. */
export class CopiedFaults {
  readonly #held: CopiedFault[] = [];
  /** As findings count them. */
  count = 0;

  add(walk: Walk, fault: CopiedFault): void {
    this.count += fault.weight;
    if (this.#held.length < MAX_HELD) this.#held.push(fault);
    else walk.findings.add(findingOf(fault), fault.weight);
  }

  async report(walk: Walk, { blocks, perBlock }: RefcountTable): Promise<void> {
    const { layout, source, findings } = walk;
    const bytes = ioBuffer(layout.clusterSize);
    const read = refcountReader(
      new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      layout.refcountBits,
    );
    let loaded = -1;
    for (const fault of inQemuOrder(walk, this.#held)) {
      const index = Math.floor(fault.cluster / perBlock);
      const block = blocks[index] ?? 0;
      if (block !== 0 && loaded !== index) await source.readInto(bytes, block);
      if (block !== 0) loaded = index;
      const refcount = block === 0 ? 0 : read(fault.cluster % perBlock);
      const qemuLine = `ERROR ${copiedLine(fault, refcount)}`;
      findings.add({ ...findingOf(fault), refcount, qemuLine }, fault.weight);
    }
  }
}

type Placed = Pick<CopiedFault, 'at' | 'l1Index'>;

/** Each L1 entry, and then those of its table. */
export function inQemuOrder<Fault extends Placed>(
  walk: Walk,
  faults: readonly Fault[],
): readonly Fault[] {
  if (faults.length < 2) return faults;
  const tables = walk.activeL1Indexes();
  const indexOf = ({ l1Index, at }: Placed) =>
    l1Index ?? tables.get(Math.floor(at / walk.layout.clusterSize)) ?? 0;
  const isInL2 = ({ l1Index }: Placed) => Number(l1Index === undefined);
  return faults.toSorted((a, b) => indexOf(a) - indexOf(b) || isInL2(a) - isInL2(b) || a.at - b.at);
}

/** What `qemu-img check` says of it, and of its being set right. */
export function copiedLine(
  { l1Index, entry }: Pick<CopiedFault, 'l1Index' | 'entry'>,
  refcount: number,
): string {
  const what =
    l1Index === undefined
      ? `data cluster: l2_entry=${hex(entry)}`
      : `L2 cluster: l1_index=${l1Index} l1_entry=${hex(entry)}`;
  return `OFLAG_COPIED ${what} refcount=${refcount}`;
}

function findingOf({ at, entry, cluster, l1Index }: CopiedFault): Finding {
  const where = `the ${l1Index === undefined ? 'L2' : 'L1'} entry at byte ${at}`;
  const message =
    entry >> 63n === 1n
      ? `${where} says that nothing else uses its cluster, whose refcount is not 1`
      : `${where} does not say that nothing else uses its cluster, whose refcount is 1`;
  return { kind: 'copied-flag', severity: 'corruption', offset: at, cluster, message };
}
