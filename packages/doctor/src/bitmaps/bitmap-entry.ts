import {
  BitmapDirectoryEntry,
  BitmapLimit,
  decodeName,
  DIRTY_TRACKING,
  EntryFlag,
  KNOWN_FLAGS,
} from '@tidemark/qcow2/format';
import type { BitmapVerdict } from '../result.ts';

/** Why a bitmap is not used as it is. Each leads to one way to repair it. */
export type EntryFault =
  | 'name'
  | 'duplicate-name'
  | 'type'
  | 'flags'
  | 'granularity'
  | 'extra-data'
  | 'compatible-extra-data'
  | 'compatible-flag'
  | 'table-place'
  | 'table-size'
  | 'table-entry'
  | 'beyond-end'
  | 'overlap'
  | 'refcount';

/** An entry of a directory that may be damaged, and what was found of its bitmap. */
export interface BitmapEntry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** Bytes; 0: not possible. */
  readonly granularity: number;
  readonly flags: number;
  readonly enabled: boolean;
  readonly inUse: boolean;
  readonly tableOffset: bigint;
  readonly tableSize: number;
  /** As it lies in the directory. */
  readonly bytes: Uint8Array;
  readonly faults: Set<EntryFault>;
  verdict: BitmapVerdict;
  /** Clusters of its table, and of its bits, as far as they were counted. */
  readonly table: number[];
  readonly data: number[];
}

/** Bytes of an entry, padding included. */
export function entrySize(extraDataSize: number, nameSize: number): number {
  return Math.ceil((BitmapDirectoryEntry.size + extraDataSize + nameSize) / 8) * 8;
}

/** The entry at the start of `rest`; undefined: it is cut off. */
export function readEntry(rest: Uint8Array): BitmapEntry | undefined {
  if (rest.length < BitmapDirectoryEntry.size) return undefined;
  const fields = BitmapDirectoryEntry.decode(rest);
  const { flags, nameSize, extraDataSize, granularityBits } = fields;
  const size = entrySize(extraDataSize, nameSize);
  if (size > rest.length) return undefined;
  const nameAt = BitmapDirectoryEntry.size + extraDataSize;
  const nameBytes = rest.slice(nameAt, nameAt + nameSize);
  const { min, max } = BitmapLimit.granularityBits;
  const isPossible = granularityBits >= min && granularityBits <= max;
  return {
    name: decodeName(nameBytes.subarray(0, BitmapLimit.nameBytes)),
    nameBytes,
    granularity: isPossible ? 2 ** granularityBits : 0,
    flags,
    enabled: (flags & EntryFlag.auto) !== 0,
    inUse: (flags & EntryFlag.inUse) !== 0,
    tableOffset: fields.tableOffset,
    tableSize: fields.tableSize,
    bytes: rest.slice(0, size),
    faults: faultsOf(fields, nameBytes, isPossible),
    verdict: 'sound',
    table: [],
    data: [],
  };
}

type Fields = ReturnType<typeof BitmapDirectoryEntry.decode>;

function faultsOf(
  { flags, type, extraDataSize }: Fields,
  nameBytes: Uint8Array,
  isGranularityPossible: boolean,
): Set<EntryFault> {
  const faults = new Set<EntryFault>();
  const { length } = nameBytes;
  if (length === 0 || length > BitmapLimit.nameBytes || nameBytes.includes(0)) faults.add('name');
  if (type !== DIRTY_TRACKING) faults.add('type');
  if ((flags & ~KNOWN_FLAGS) !== 0) faults.add('flags');
  if (!isGranularityPossible) faults.add('granularity');
  const isCompatible = (flags & EntryFlag.extraDataCompatible) !== 0;
  if (extraDataSize > 0) faults.add(isCompatible ? 'compatible-extra-data' : 'extra-data');
  else if (isCompatible) faults.add('compatible-flag');
  return faults;
}
