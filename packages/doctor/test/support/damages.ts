import { openQcow2 } from '@tidemark/qcow2';
import {
  type Malformed,
  type Places,
  placesIn,
  REFUSED,
  twoBitmaps,
  UNREADABLE,
  UNSUPPORTED,
} from '../../../qcow2/test/support/malformed-bitmaps.ts';
import type { FindingKind } from '../../src/index.ts';
import { bytesOf, deviceOf } from './devices.ts';

/** An image that is damaged in one way, what a check says of it, and what a repair leaves. */
export interface Damage {
  readonly name: string;
  readonly change: (places: Places) => void;
  /** Kinds of findings that there have to be. */
  readonly finds: readonly FindingKind[];
  /** Bitmaps afterwards, in the order of the directory; `!` behind one that is inconsistent. */
  readonly left: readonly string[];
}

/** Of the bitmaps extension, which comes first behind the header, its data. */
const EXTENSION = 120;
const AUTOCLEAR = 88;
const CLUSTER = 4096;
const FLAGS = 12;
const OFFSET = 0x00ff_ffff_ffff_fe00n;
const EXCLUSIVE = 1n << 63n;

/** Where the refcount of the cluster at `offset` is: two bytes, in the one block of the image. */
function refcountAt({ view }: Places, offset: number): number {
  const table = Number(view.getBigUint64(48));
  return Number(view.getBigUint64(table)) + (offset / CLUSTER) * 2;
}

function setFlags({ view, one }: Places, flags: number): void {
  view.setUint32(one + FLAGS, flags);
}

const OWN: readonly Damage[] = [
  { name: 'nothing at all', change: () => {}, finds: [], left: ['one', 'two'] },
  {
    name: 'a program without bitmap support changed it',
    change: ({ view }) => view.setBigUint64(AUTOCLEAR, 0n),
    finds: ['bitmaps-stale', 'leak'],
    left: [],
  },
  {
    name: 'the autoclear bit without an extension',
    change: ({ bytes }) => bytes.fill(0, 112, 152),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'an extension of 23 bytes',
    change: ({ view }) => view.setUint32(116, 23),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'the extension of the draft of 2015',
    change: ({ view }) => view.setUint32(116, 16),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'an extension longer than the cluster',
    change: ({ view }) => view.setUint32(116, 5000),
    finds: ['extension', 'leak'],
    left: [],
  },
  {
    name: 'reserved bytes in the extension',
    change: ({ view }) => view.setUint32(EXTENSION + 4, 1),
    finds: ['bitmaps-extension'],
    left: ['one!', 'two!'],
  },
  {
    name: 'no bitmaps counted',
    change: ({ view }) => view.setUint32(EXTENSION, 0),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: '65536 bitmaps counted',
    change: ({ view }) => view.setUint32(EXTENSION, 65_536),
    finds: ['bitmaps-extension'],
    left: ['one!', 'two!'],
  },
  {
    name: 'an empty directory',
    change: ({ view }) => view.setBigUint64(EXTENSION + 8, 0n),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'a directory that is too large',
    change: ({ view }) => view.setBigUint64(EXTENSION + 8, 2n ** 40n),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'a directory inside a cluster',
    change: ({ view, one }) => view.setBigUint64(EXTENSION + 16, BigInt(one + 512)),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'a directory behind the end of the file',
    change: ({ view }) => view.setBigUint64(EXTENSION + 16, 2n ** 40n),
    finds: ['bitmaps-extension', 'leak'],
    left: [],
  },
  {
    name: 'a directory where the L1 table is',
    change: ({ view }) => view.setBigUint64(EXTENSION + 16, view.getBigUint64(40)),
    finds: ['bitmap-directory', 'leak', 'refcount'],
    left: [],
  },
  {
    name: 'a directory whose cluster goes on with garbage, as of a full disk',
    change: ({ bytes, view, one }) => {
      bytes.fill(0xa5, one + 64, one + CLUSTER);
      view.setBigUint64(EXTENSION + 8, BigInt(CLUSTER));
    },
    finds: ['bitmap-directory'],
    left: ['one!', 'two!'],
  },
  {
    name: 'garbage behind a directory, which nobody reads',
    change: ({ bytes, one }) => bytes.fill(0xa5, one + 64, one + CLUSTER),
    finds: [],
    left: ['one', 'two'],
  },
  {
    name: 'a bitmap in use',
    change: (places) => setFlags(places, 3),
    finds: ['bitmap-in-use'],
    left: ['one!', 'two'],
  },
  {
    name: 'a bitmap in use with a table that cannot be',
    change: (places) => {
      setFlags(places, 3);
      places.view.setBigUint64(places.table, 2n ** 60n);
    },
    finds: ['bitmap-in-use', 'bitmap-table', 'leak'],
    left: ['two'],
  },
  {
    name: 'the flag of extra data, and none',
    change: (places) => setFlags(places, 6),
    finds: ['bitmap-entry'],
    left: ['one', 'two'],
  },
  {
    name: 'two bitmaps of one table',
    change: ({ view, one, two }) => view.setBigUint64(two, view.getBigUint64(one)),
    finds: ['bitmap-overlap', 'refcount', 'leak'],
    left: [],
  },
  {
    name: 'a bitmap in a cluster of the guest',
    change: ({ view, table }) => view.setBigUint64(table, view.getBigUint64(40)),
    finds: ['bitmap-overlap', 'refcount', 'leak'],
    left: ['two'],
  },
  {
    name: 'a refcount of 0 on a cluster of bits',
    change: (places) => places.view.setUint16(refcountAt(places, places.data), 0),
    finds: ['bitmap-refcount', 'refcount'],
    left: ['one!', 'two'],
  },
  {
    name: 'a refcount of 2 on a cluster of bits',
    change: (places) => places.view.setUint16(refcountAt(places, places.data), 2),
    finds: ['leak'],
    left: ['one', 'two'],
  },
  {
    name: 'a refcount of 0 on the directory',
    change: (places) => places.view.setUint16(refcountAt(places, places.one), 0),
    finds: ['bitmap-directory', 'refcount'],
    left: ['one!', 'two!'],
  },
  {
    name: 'a refcount table that is nowhere',
    change: ({ view }) => view.setBigUint64(48, 2n ** 40n),
    finds: ['header', 'refcount'],
    left: ['one!', 'two!'],
  },
  {
    name: 'no refcount block',
    change: ({ view }) => view.setBigUint64(Number(view.getBigUint64(48)), 0n),
    finds: ['refcount'],
    left: ['one!', 'two!'],
  },
  {
    name: 'a cluster of the guest that is counted twice, and said to be shared',
    change: (places) => {
      const entry = firstL2Entry(places);
      const host = places.view.getBigUint64(entry) & OFFSET;
      places.view.setBigUint64(entry, host);
      places.view.setUint16(refcountAt(places, Number(host)), 2);
    },
    finds: ['leak'],
    left: ['one', 'two'],
  },
  {
    name: 'two clusters of the disk in one',
    change: (places) => {
      const entry = firstL2Entry(places);
      places.view.setBigUint64(entry + 8, places.view.getBigUint64(entry));
    },
    finds: ['refcount', 'leak'],
    left: ['one', 'two'],
  },
  {
    name: 'a refcount of 0 on a cluster of the guest',
    change: (places) => {
      const host = places.view.getBigUint64(firstL2Entry(places)) & OFFSET;
      places.view.setUint16(refcountAt(places, Number(host)), 0);
    },
    finds: ['refcount', 'copied-flag'],
    left: ['one', 'two'],
  },
  {
    name: 'an L2 table that is said to be shared',
    change: ({ view }) => {
      const l1 = Number(view.getBigUint64(40));
      view.setBigUint64(l1, view.getBigUint64(l1) & ~EXCLUSIVE);
    },
    finds: ['copied-flag'],
    left: ['one', 'two'],
  },
  {
    name: 'a mark that it was not closed, and one that it is corrupt',
    change: ({ view }) => view.setBigUint64(72, 3n),
    finds: ['marked-dirty', 'marked-corrupt'],
    left: ['one', 'two'],
  },
];

/** What is left where that is not just 'two'. */
const LEFT: Readonly<Record<string, readonly string[]>> = {
  'a directory longer than its entries': ['one!', 'two!'],
  'a directory that ends inside an entry': ['one!'],
  'a directory that ends inside the fixed part of an entry': ['one!'],
  'fewer entries than counted': ['one!', 'two!'],
  'more entries than counted': ['one!'],
  'extra data longer than the directory': [],
  'a name of more than 1023 bytes': ['one'],
  'two bitmaps of one name': [],
  'extra data that is said to be compatible': ['one', 'two'],
};

/** Of a directory, where the damage is not within one entry. */
const OF_DIRECTORY = Object.keys(LEFT).slice(0, 6);

function asDamage({ name, change }: Malformed, kind: FindingKind): Damage {
  const finds: FindingKind = OF_DIRECTORY.includes(name) ? 'bitmap-directory' : kind;
  return { name, change, finds: [finds], left: LEFT[name] ?? ['two'] };
}

function kindOf({ name }: Malformed): FindingKind {
  return name.includes('table') ? 'bitmap-table' : 'bitmap-entry';
}

export const DAMAGES: readonly Damage[] = [
  ...OWN,
  ...REFUSED.map((row) => asDamage(row, kindOf(row))),
  ...UNSUPPORTED.map((row) => asDamage(row, 'bitmap-entry')),
  ...UNREADABLE.map((row) => asDamage(row, 'bitmap-table')),
];

let base: Uint8Array | undefined;

/** Two bitmaps, 'one' and 'two', and some data of a guest. */
export async function damagedImage({ change }: Pick<Damage, 'change'>): Promise<Uint8Array> {
  base ??= await withGuestData(await twoBitmaps());
  const bytes = base.slice();
  change(placesIn(bytes));
  return bytes;
}

async function withGuestData(bytes: Uint8Array): Promise<Uint8Array> {
  const device = await deviceOf(bytes);
  const image = await openQcow2(device, { writable: true });
  for (const [at, value] of [
    [0, 1],
    [5 * CLUSTER, 2],
    [2 ** 20, 3],
  ] as const) {
    await image.write(new Uint8Array(2 * CLUSTER).fill(value), at);
  }
  await image.flush();
  return bytesOf(device);
}

/** Where the L2 entry of the disk's first cluster is. */
function firstL2Entry({ view }: Places): number {
  const l1 = Number(view.getBigUint64(40));
  return Number(view.getBigUint64(l1) & OFFSET);
}
