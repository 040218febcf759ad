import { decodeName } from './bitmap-name.ts';
import { type BitmapFault, directoryFault } from './faults.ts';
import {
  BitmapDirectoryEntry,
  BitmapLimit,
  DIRTY_TRACKING,
  EntryFlag,
  KNOWN_FLAGS,
} from './spec.ts';

/** An entry of the bitmap directory, and what it means. */
export interface BitmapRecord {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** Bytes. */
  readonly granularity: number;
  /** The flag `auto`. */
  readonly enabled: boolean;
  readonly inUse: boolean;
  /** Kept in the control extension, see checkpoints.ts. */
  readonly checkpoint?: string;
  /** Why this version cannot use it. Such an entry is kept byte for byte. */
  readonly unsupported?: string;
  /** Host offset of the bitmap table. Not checked where the table must not be read. */
  readonly tableOffset: number;
  /** Entries of 8 bytes. */
  readonly tableSize: number;
  /** The entry as it lies in the directory, with its padding. */
  readonly bytes: Uint8Array;
}

export interface DirectorySource {
  readonly where: string;
  /** Host offset of the directory, for messages. */
  readonly offset: number;
  readonly bitmapCount: number;
  readonly bytes: Uint8Array;
}

const entrySize = (extraDataSize: number, nameSize: number) =>
  Math.ceil((BitmapDirectoryEntry.size + extraDataSize + nameSize) / 8) * 8;

/** @throws IMAGE_CORRUPT: the directory is not what its header says, or names are not usable */
export function decodeDirectory(source: DirectorySource): BitmapRecord[] {
  const { bytes, bitmapCount } = source;
  const records: BitmapRecord[] = [];
  const names = new Set<string>();
  for (let at = 0; at < bytes.length;) {
    const fault = faultAt(source, at);
    if (records.length === bitmapCount) {
      throw fault({ problem: `comes after the ${bitmapCount} entries that the header counts` });
    }
    const record = decodeEntry(bytes.subarray(at), fault);
    if (names.has(record.name)) {
      throw fault({ field: 'name', problem: `'${record.name}' is there twice` });
    }
    names.add(record.name);
    records.push(record);
    at += record.bytes.length;
  }
  if (records.length < bitmapCount) {
    throw faultAt(
      source,
      bytes.length,
    )({
      problem: `is missing: there are ${records.length} of ${bitmapCount}`,
    });
  }
  return records;
}

type EntryFault = (fault: Pick<BitmapFault, 'field' | 'problem'>) => Error;

function faultAt({ where, offset }: DirectorySource, at: number): EntryFault {
  return (fault) =>
    directoryFault({ where, struct: 'bitmap directory entry', offset: offset + at, ...fault });
}

function decodeEntry(rest: Uint8Array, fault: EntryFault): BitmapRecord {
  if (rest.length < BitmapDirectoryEntry.size) throw fault({ problem: 'is cut short' });
  const fields = BitmapDirectoryEntry.decode(rest);
  const { nameSize, extraDataSize, flags } = fields;
  const size = entrySize(extraDataSize, nameSize);
  if (size > rest.length)
    throw fault({ problem: `has ${size} bytes, of which ${rest.length} are there` });
  if (nameSize === 0) throw fault({ field: 'nameSize', problem: 'is 0' });
  if (nameSize > BitmapLimit.nameBytes) {
    throw fault({
      field: 'nameSize',
      problem: `is ${nameSize}, more than ${BitmapLimit.nameBytes}`,
    });
  }
  const nameAt = BitmapDirectoryEntry.size + extraDataSize;
  const nameBytes = rest.subarray(nameAt, nameAt + nameSize);
  // QEMU reads such an image, and fails to open it for writing.
  if (nameBytes.includes(0)) throw fault({ field: 'name', problem: 'has a NUL byte in it' });
  const unsupported = whyUnsupported(fields);
  return {
    name: decodeName(nameBytes),
    nameBytes,
    granularity: 2 ** fields.granularityBits,
    enabled: (flags & EntryFlag.auto) !== 0,
    inUse: (flags & EntryFlag.inUse) !== 0,
    ...(unsupported !== undefined && { unsupported }),
    tableOffset: Number(fields.tableOffset),
    tableSize: fields.tableSize,
    bytes: rest.subarray(0, size),
  };
}

type Fields = ReturnType<typeof BitmapDirectoryEntry.decode>;

function whyUnsupported({
  flags,
  type,
  granularityBits,
  extraDataSize,
}: Fields): string | undefined {
  if (type !== DIRTY_TRACKING) return `is of the unknown type ${type}`;
  const unknown = (flags & ~KNOWN_FLAGS) >>> 0;
  if (unknown !== 0) return `has unknown flags 0x${unknown.toString(16)}`;
  if (extraDataSize > 0) return `has ${extraDataSize} bytes of extra data`;
  const { min, max } = BitmapLimit.granularityBits;
  if (granularityBits < min || granularityBits > max) {
    return `has a granularity of 2^${granularityBits} bytes, not 2^${min} to 2^${max}`;
  }
  return undefined;
}

/** An entry as QEMU writes it: no extra data, only flags that it knows. */
export function encodeEntry(entry: Omit<BitmapRecord, 'bytes' | 'unsupported'>): BitmapRecord {
  const { nameBytes } = entry;
  const bytes = new Uint8Array(entrySize(0, nameBytes.length));
  const fixed = BitmapDirectoryEntry.encode({
    tableOffset: BigInt(entry.tableOffset),
    tableSize: entry.tableSize,
    flags: flagsOf(entry),
    type: DIRTY_TRACKING,
    granularityBits: Math.log2(entry.granularity),
    nameSize: nameBytes.length,
    extraDataSize: 0,
  });
  bytes.set(fixed);
  bytes.set(nameBytes, fixed.length);
  return { ...entry, bytes };
}

type Flags = Pick<BitmapRecord, 'enabled' | 'inUse'>;

/** The same entry, on the same table, with other flags. */
export function withFlags(record: BitmapRecord, { enabled, inUse }: Flags): BitmapRecord {
  const bytes = new Uint8Array(record.bytes);
  const view = new DataView(bytes.buffer);
  const others =
    view.getUint32(BitmapDirectoryEntry.offsetOf.flags) & ~flagsOf({ enabled: true, inUse: true });
  view.setUint32(BitmapDirectoryEntry.offsetOf.flags, others | flagsOf({ enabled, inUse }));
  return { ...record, enabled, inUse, bytes };
}

function flagsOf({ enabled, inUse }: Flags): number {
  return (enabled ? EntryFlag.auto : 0) | (inUse ? EntryFlag.inUse : 0);
}
