import { BitmapDirectoryEntry } from '../../src/bitmaps/spec.ts';
import { bitmapOf, newBitmaps, put } from './bitmaps.ts';

const SIZE = 20 * 2 ** 20;
const field = BitmapDirectoryEntry.offsetOf;
/** Of the bitmaps extension, which comes first behind the header. */
const EXTENSION = 112 + 8;

/** Where things lie in the image below. Bytes. */
export interface Places {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** The entries of 'one' and 'two' in the directory: of 32 bytes each. */
  readonly one: number;
  readonly two: number;
  /** The table of 'one', of one entry, and its cluster of data. */
  readonly table: number;
  readonly data: number;
}

/** Two bitmaps of 4 KiB granularity on a disk of 20 MiB, in clusters of 4 KiB: 640 bytes each. */
export async function twoBitmaps(): Promise<Uint8Array> {
  const opened = await newBitmaps({ size: SIZE, clusterSize: 4096 });
  const content = bitmapOf(SIZE, { granularity: 4096, dirty: [[8192, 1]] });
  await put(opened, 'one', content);
  await put(opened, 'two', content);
  await opened.image.close();
  return opened.device.bytes.slice(0, 32 * 4096);
}

export function placesIn(bytes: Uint8Array): Places {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const one = Number(view.getBigUint64(EXTENSION + 16));
  const table = Number(view.getBigUint64(one + field.tableOffset));
  return { view, bytes, one, two: one + 32, table, data: Number(view.getBigUint64(table)) };
}

export interface Malformed {
  readonly name: string;
  readonly change: (places: Places) => void;
  /** What QEMU 7.2 does with the image. */
  readonly qemu: 'refuses' | 'opens';
}

/** No bitmap can be told from another: the image's bitmaps are refused as a whole. */
export const REFUSED: (Malformed & { readonly message: RegExp })[] = [
  {
    name: 'a directory longer than its entries',
    change: ({ view }) => view.setBigUint64(EXTENSION + 8, 72n),
    message: /entry comes after the 2 entries that the header counts/u,
    qemu: 'refuses',
  },
  {
    name: 'a directory that ends inside an entry',
    change: ({ view }) => view.setBigUint64(EXTENSION + 8, 56n),
    message: /entry has 32 bytes, of which 24 are there/u,
    qemu: 'refuses',
  },
  {
    name: 'a directory that ends inside the fixed part of an entry',
    change: ({ view }) => view.setBigUint64(EXTENSION + 8, 40n),
    message: /entry is cut short/u,
    qemu: 'refuses',
  },
  {
    name: 'fewer entries than counted',
    change: ({ view }) => view.setUint32(EXTENSION, 3),
    message: /entry is missing: there are 2 of 3/u,
    qemu: 'refuses',
  },
  {
    name: 'more entries than counted',
    change: ({ view }) => view.setUint32(EXTENSION, 1),
    message: /comes after the 1 entries/u,
    qemu: 'refuses',
  },
  {
    name: 'extra data longer than the directory',
    change: ({ view, one }) => view.setUint32(one + field.extraDataSize, 0xffff_ffff),
    message: /has 4294967328 bytes/u,
    qemu: 'refuses',
  },
  {
    name: 'a name without bytes',
    change: ({ view, one }) => {
      view.setUint16(one + field.nameSize, 0);
      view.setBigUint64(EXTENSION + 8, 24n + 32n);
      new Uint8Array(view.buffer).copyWithin(one + 24, one + 32, one + 64);
    },
    message: /nameSize is 0/u,
    qemu: 'opens',
  },
  {
    name: 'a name of more than 1023 bytes',
    change: ({ view, two, bytes }) => {
      view.setUint16(two + field.nameSize, 1024);
      bytes.fill(0x78, two + 24, two + 24 + 1024);
      view.setBigUint64(EXTENSION + 8, 32n + 24n + 1024n);
    },
    message: /nameSize is 1024, more than 1023/u,
    qemu: 'refuses',
  },
  {
    name: 'a NUL byte in a name',
    change: ({ bytes, one }) => (bytes[one + 25] = 0),
    message: /has a NUL byte in it/u,
    qemu: 'opens',
  },
  {
    name: 'two bitmaps of one name',
    change: ({ bytes, two }) => bytes.set(new TextEncoder().encode('one'), two + 24),
    message: /'one' is there twice/u,
    qemu: 'refuses',
  },
  {
    name: 'a table without a place',
    change: ({ view, one }) => view.setBigUint64(one + field.tableOffset, 0n),
    message: /'one' has no place/u,
    qemu: 'refuses',
  },
  {
    name: 'a table inside a cluster',
    change: ({ view, one, table }) => view.setBigUint64(one + field.tableOffset, BigInt(table + 8)),
    message: /not the start of a cluster/u,
    qemu: 'refuses',
  },
  {
    name: 'a table behind the end of the file',
    change: ({ view, one }) => view.setBigUint64(one + field.tableOffset, 1n << 60n),
    message: /the file ends at/u,
    // It takes what it does not find for clean.
    qemu: 'opens',
  },
  {
    name: 'an empty table',
    change: ({ view, one }) => view.setUint32(one + field.tableSize, 0),
    message: /is empty/u,
    qemu: 'refuses',
  },
  {
    name: 'a table for more than 512 MiB',
    change: ({ view, one }) => view.setUint32(one + field.tableSize, 0xffff_ffff),
    message: /more than 512 MiB of bits/u,
    qemu: 'refuses',
  },
  {
    name: 'a table longer than the disk needs',
    change: ({ view, one }) => view.setUint32(one + field.tableSize, 2),
    message: /has 2 entries, and a disk of 20971520 bytes needs 1/u,
    qemu: 'refuses',
  },
  {
    name: 'a table too short for the disk',
    change: ({ view, one }) => view.setUint8(one + field.granularityBits, 9),
    message: /has 1 entries, and a disk of 20971520 bytes needs 2/u,
    qemu: 'refuses',
  },
];

/** An entry that only a later version understands is kept as it is. */
export const UNSUPPORTED: (Malformed & { readonly why: string })[] = [
  {
    name: 'an unknown flag',
    change: ({ view, one }) => view.setUint32(one + field.flags, 2 | 0x8000_0000),
    why: 'has unknown flags 0x80000000',
    qemu: 'refuses',
  },
  {
    name: 'an unknown type',
    change: ({ view, one }) => view.setUint8(one + field.type, 2),
    why: 'is of the unknown type 2',
    qemu: 'refuses',
  },
  {
    name: 'a granularity of 256 bytes',
    change: ({ view, one }) => view.setUint8(one + field.granularityBits, 8),
    why: 'has a granularity of 2^8 bytes, not 2^9 to 2^31',
    qemu: 'refuses',
  },
  {
    name: 'a granularity of 2^255 bytes',
    change: ({ view, one }) => view.setUint8(one + field.granularityBits, 255),
    why: 'has a granularity of 2^255 bytes, not 2^9 to 2^31',
    qemu: 'refuses',
  },
  {
    name: 'extra data',
    change: ({ view, one, bytes }) => {
      bytes.copyWithin(one + 32, one + 24, one + 64);
      bytes.fill(0xee, one + 24, one + 32);
      view.setUint32(one + field.extraDataSize, 8);
      view.setBigUint64(EXTENSION + 8, 72n);
    },
    why: 'has 8 bytes of extra data',
    qemu: 'refuses',
  },
  {
    name: 'extra data that is said to be compatible',
    change: ({ view, one, bytes }) => {
      bytes.copyWithin(one + 32, one + 24, one + 64);
      view.setUint32(one + field.extraDataSize, 8);
      view.setUint32(one + field.flags, 6);
      view.setBigUint64(EXTENSION + 8, 72n);
    },
    why: 'has 8 bytes of extra data',
    qemu: 'refuses',
  },
];

/** One bitmap cannot be read; the other one can. */
export const UNREADABLE: (Malformed & { readonly message: RegExp })[] = [
  {
    name: 'high reserved bits',
    change: ({ view, table, data }) => view.setBigUint64(table, (1n << 56n) | BigInt(data)),
    message: /has reserved bits set/u,
    qemu: 'refuses',
  },
  {
    name: 'low reserved bits',
    change: ({ view, table, data }) => view.setBigUint64(table, BigInt(data + 2)),
    message: /has reserved bits set/u,
    qemu: 'refuses',
  },
  {
    name: 'all ones and a cluster',
    change: ({ view, table, data }) => view.setBigUint64(table, BigInt(data + 1)),
    message: /all ones, and yet has a cluster/u,
    qemu: 'refuses',
  },
  {
    name: 'a place inside a cluster',
    change: ({ view, table, data }) => view.setBigUint64(table, BigInt(data + 512)),
    message: /not the start of a cluster/u,
    qemu: 'refuses',
  },
  {
    name: 'a place behind the end of the file',
    change: ({ view, table }) => view.setBigUint64(table, 1n << 40n),
    message: /and the file ends at/u,
    qemu: 'opens',
  },
];
