import {
  Autoclear,
  BitmapLimit,
  BitmapsExtension,
  ExtensionHead,
  ExtensionType,
} from '@tidemark/qcow2/format';
import type { Walk } from '../count/walk.ts';
import type { FoundExtension } from '../layout/layout.ts';
import { isPlace } from '../layout/ranges.ts';
import type { BitmapsState } from '../result.ts';
import { type BitmapEntry, readEntry } from './bitmap-entry.ts';
import { countTable } from './count-table.ts';
import { namesTwice, reportEntry } from './report-entry.ts';

/** The bitmaps of an image, as far as they can be read. */
export interface ReadBitmaps {
  state: BitmapsState;
  readonly extension: FoundExtension | undefined;
  readonly entries: readonly BitmapEntry[];
  /** Clusters of the directory, as far as they were counted. */
  readonly directory: readonly number[];
  /** The autoclear bit promises bitmaps, and there is no extension. */
  readonly isPromiseEmpty: boolean;
}

const NOTHING = { entries: [], directory: [] } as const;

/**
 * Finds the bitmaps, counts their clusters, and reports what is wrong with them. Nothing is counted
 * of bitmaps that the autoclear bit does not vouch for, as QEMU does not.
 */
export async function readBitmaps(walk: Walk): Promise<ReadBitmaps> {
  const { layout, findings } = walk;
  const found = layout.extensions.filter(({ type }) => type === ExtensionType.bitmaps);
  const isVouchedFor = layout.version === 3 && (layout.autoclear & Autoclear.bitmaps) !== 0n;
  const report = (message: string) =>
    findings.add({ kind: 'bitmaps-extension', severity: 'bitmap', message });
  const [extension] = found;
  if (extension === undefined) {
    // What cannot be followed may be the extension.
    const isPromiseEmpty = isVouchedFor && layout.brokenExtensionAt === undefined;
    if (isVouchedFor) report('the autoclear bit promises bitmaps, and there is no extension');
    const state = isVouchedFor && !isPromiseEmpty ? 'unreadable' : 'none';
    return { ...NOTHING, state, extension, isPromiseEmpty };
  }
  const pointer = readPointer(walk, extension);
  if (!isVouchedFor) return readStale(walk, extension, pointer);
  const problem =
    found.length > 1 ? 'the bitmaps extension is there twice' : pointerProblem(walk, pointer);
  if (problem !== undefined) report(problem);
  // Two of them may be of different directories: neither is believed.
  if (found.length > 1 || !isReadable(walk, pointer)) {
    return { ...NOTHING, state: 'unreadable', extension, isPromiseEmpty: false };
  }
  return readDirectory(walk, { extension, pointer, isSound: problem === undefined });
}

type Pointer = ReturnType<typeof readPointer>;

/** Field by field: reserved bytes that are not zero are no reason to give up here. */
function readPointer({ layout: { cluster } }: Walk, { at, length }: FoundExtension) {
  const view = new DataView(cluster.buffer, cluster.byteOffset, cluster.byteLength);
  const start = at + ExtensionHead.size;
  const { bitmapCount, reserved, directorySize, directoryOffset } = BitmapsExtension.offsetOf;
  const isWhole = length === BitmapsExtension.size;
  return {
    length,
    count: isWhole ? view.getUint32(start + bitmapCount) : 0,
    reserved: isWhole ? view.getUint32(start + reserved) : 0,
    size: isWhole ? view.getBigUint64(start + directorySize) : 0n,
    offset: isWhole ? view.getBigUint64(start + directoryOffset) : 0n,
  };
}

function pointerProblem(walk: Walk, pointer: Pointer): string | undefined {
  const { length, count, reserved, size, offset } = pointer;
  const of = 'of the bitmaps extension';
  // The draft of 2015 had the same type, and 16 bytes.
  if (length === 16) return 'the bitmaps extension is that of the draft of 2015';
  if (length !== BitmapsExtension.size) return `the length ${of} is ${length}, not 24`;
  if (reserved !== 0) return `the reserved field ${of} is not zero`;
  if (count === 0 || count > BitmapLimit.bitmaps) return `the count ${of} is ${count}`;
  if (size === 0n || size > BigInt(BitmapLimit.directoryBytes)) {
    return `the directory size ${of} is ${size}`;
  }
  if (!isPlace(offset, walk.layout.clusterSize, walk.source.size)) {
    return `the bitmap directory cannot be at byte ${offset}`;
  }
  return offset + size > BigInt(walk.source.size)
    ? 'the file ends before the bitmap directory does'
    : undefined;
}

/** Whether it makes sense to look for entries, whatever else is wrong with the extension. */
function isReadable(walk: Walk, { size, offset, count }: Pointer): boolean {
  const isSized = size > 0n && size <= BigInt(BitmapLimit.directoryBytes);
  return count > 0 && isSized && isPlace(offset, walk.layout.clusterSize, walk.source.size);
}

interface Place {
  readonly extension: FoundExtension;
  readonly pointer: Pointer;
  readonly isSound: boolean;
}

async function readDirectory(
  walk: Walk,
  { extension, pointer, isSound }: Place,
): Promise<ReadBitmaps> {
  const { layout, references, findings } = walk;
  const offset = Number(pointer.offset);
  const length = Number(pointer.size);
  const { entries, problem } = await readEntries(walk, pointer);
  const isCounted = references.addRange({ offset, length }, 1, { what: 'the bitmap directory' });
  if (problem !== undefined) {
    findings.add({ kind: 'bitmap-directory', severity: 'bitmap', offset, message: problem });
  }
  for (const entry of namesTwice(entries)) entry.faults.add('duplicate-name');
  let room = walk.source.size;
  for (const entry of entries) {
    room = await countTable(walk, entry, room);
    reportEntry(walk, entry);
  }
  const first = offset / layout.clusterSize;
  const count = isCounted ? Math.ceil(length / layout.clusterSize) : 0;
  return {
    state: isSound && problem === undefined ? 'present' : 'unreadable',
    extension,
    entries,
    directory: Array.from({ length: count }, (_, i) => first + i),
    isPromiseEmpty: false,
  };
}

async function readEntries(
  { source, budget }: Walk,
  pointer: Pointer,
): Promise<{ readonly entries: BitmapEntry[]; readonly problem?: string }> {
  const entries: BitmapEntry[] = [];
  const size = Number(pointer.size);
  budget.take(size);
  const bytes = await source.read(Number(pointer.offset), size);
  let at = 0;
  while (at < size && entries.length < Math.min(pointer.count, BitmapLimit.bitmaps)) {
    const entry = readEntry(bytes.subarray(at));
    if (entry === undefined) {
      return { entries, problem: `entry ${entries.length} of the bitmap directory is cut off` };
    }
    entries.push(entry);
    at += entry.bytes.length;
  }
  if (at < size) return { entries, problem: 'the bitmap directory is longer than its entries' };
  if (entries.length === pointer.count) return { entries };
  const problem = `the bitmap directory has ${entries.length} entries, not ${pointer.count}`;
  return { entries, problem };
}

/** What a program without bitmap support has left: names, so that it can be told what is lost. */
async function readStale(
  walk: Walk,
  extension: FoundExtension,
  pointer: Pointer,
): Promise<ReadBitmaps> {
  const { entries } = isReadable(walk, pointer) ? await readEntries(walk, pointer) : NOTHING;
  for (const entry of entries) entry.verdict = 'broken';
  walk.findings.add({
    kind: 'bitmaps-stale',
    severity: 'bitmap',
    message: 'a program without bitmap support changed the image: its bitmaps are lost',
  });
  return { state: 'stale', extension, entries, directory: [], isPromiseEmpty: false };
}
