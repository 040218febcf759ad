import { createHash } from 'node:crypto';
import {
  type DirectoryEntry,
  DirtyBitmap,
  MAX_GRANULARITY,
  RESERVED_NAME_PREFIX,
} from '@tidemark/core';
import type { BitmapRecord } from './directory-codec.ts';

/*
 * The checkpoint of a bitmap is kept in the name of an entry of its own: an empty, disabled bitmap
 * right behind it in the directory. QEMU keeps such an entry, and its place, through its sessions;
 * one that takes the bitmap away and adds it again puts the new one elsewhere.
 */

interface Marker {
  readonly checkpoint: string;
  /** Of the bitmap's name. */
  readonly digest: string;
}

const MARKER = new RegExp(`^${RESERVED_NAME_PREFIX}([0-9a-f]{32}):([0-9a-f]{16})$`);

function parseMarker(name: string): Marker | undefined {
  const match = MARKER.exec(name);
  return match === null ? undefined : { checkpoint: match[1]!, digest: match[2]! };
}

function digestOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function markerName({ name, checkpoint }: { readonly name: string; readonly checkpoint: string }) {
  return `${RESERVED_NAME_PREFIX}${checkpoint}:${digestOf(name)}`;
}

/** The bitmaps of a directory, each with its checkpoint. A marker that has lost its bitmap is none. */
export function foldCheckpoints(records: readonly BitmapRecord[]): readonly BitmapRecord[] {
  const bitmaps: BitmapRecord[] = [];
  for (const [index, record] of records.entries()) {
    if (record.name.startsWith(RESERVED_NAME_PREFIX)) continue;
    const next = records[index + 1];
    const marker = next && !next.inUse && !next.enabled ? parseMarker(next.name) : undefined;
    const isIts = marker?.digest === digestOf(record.name);
    bitmaps.push(isIts ? { ...record, checkpoint: marker.checkpoint } : record);
  }
  return bitmaps;
}

export interface DirectoryContents {
  readonly entries: readonly DirectoryEntry[];
  readonly contents: ReadonlyMap<string, DirtyBitmap>;
}

/** The entries with their markers; `present`: those that are in the directory already. */
export function unfoldCheckpoints(
  { entries, contents }: DirectoryContents,
  present: ReadonlyMap<string, BitmapRecord>,
  diskSize: number,
): DirectoryContents {
  const all: DirectoryEntry[] = [];
  const withMarkers = new Map(contents);
  for (const { checkpoint, ...entry } of entries) {
    all.push(entry);
    if (checkpoint === undefined) continue;
    const name = markerName({ name: entry.name, checkpoint });
    const kept = present.get(name);
    const granularity = kept?.granularity ?? MAX_GRANULARITY;
    all.push({ name, granularity, enabled: false, inUse: false });
    if (kept === undefined || kept.inUse) {
      withMarkers.set(name, new DirtyBitmap(diskSize, granularity));
    }
  }
  return { entries: all, contents: withMarkers };
}
