import type { TidemarkError } from '@tidemark/core';
import { l1EntriesFor, SECTOR_SIZE, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { headerGeometry, type ImageHeader } from './image-header.ts';
import { type HeaderV3, Limit, SnapshotEntry } from './spec.ts';

type Fields = ReturnType<typeof HeaderV3.decode>;

/** A field of the header that breaks a rule. */
export type HeaderFault = (field: keyof typeof HeaderV3.offsetOf, problem: string) => TidemarkError;

type TableFields = Pick<
  ImageHeader,
  | 'virtualSize'
  | 'l1Entries'
  | 'l1Offset'
  | 'refcountTableOffset'
  | 'refcountTableClusters'
  | 'snapshotCount'
  | 'snapshotsOffset'
>;

interface CheckTablesOptions {
  /** Bytes. */
  readonly fileSize: number;
  /** An image whose header names no refcount table is taken, too. */
  readonly allowNoRefcounts: boolean;
  readonly fault: HeaderFault;
}

/** The parts of the header that say where tables lie and how long they are. */
export function checkTables(
  fields: Fields,
  { fileSize, allowNoRefcounts, fault }: CheckTablesOptions,
): TableFields {
  const geometry = headerGeometry({ ...fields, incompatible: fields.incompatibleFeatures });
  const { clusterSize } = geometry;
  const placed = (
    field: 'l1TableOffset' | 'refcountTableOffset' | 'snapshotsOffset',
    length: number,
  ) => {
    const offset = fields[field];
    if (offset % BigInt(clusterSize) !== 0n) {
      throw fault(field, `is ${offset}, not the start of a cluster`);
    }
    if (length > 0 && offset === 0n) throw fault(field, 'is 0, which is the header itself');
    if (offset + BigInt(length) > BigInt(fileSize)) {
      throw fault(field, `is ${offset}: the file ends at ${fileSize}, before the table does`);
    }
    return Number(offset);
  };

  const virtualSize = checkVirtualSize(fields, fault);
  const l1Bytes = fields.l1Size * TABLE_ENTRY_SIZE;
  if (l1Bytes > Limit.l1Bytes) throw fault('l1Size', `is ${fields.l1Size}: more than 32 MiB`);
  if (virtualSize > 0 && fields.l1Size < l1EntriesFor(virtualSize, geometry)) {
    throw fault('l1Size', `is ${fields.l1Size}, too small for a disk of ${virtualSize} bytes`);
  }
  const refcountClusters = fields.refcountTableClusters;
  if (refcountClusters === 0 && !allowNoRefcounts) throw fault('refcountTableClusters', 'is 0');
  if (refcountClusters * clusterSize > Limit.refcountTableBytes) {
    throw fault('refcountTableClusters', `is ${refcountClusters}: more than 8 MiB`);
  }
  if (fields.snapshotCount > Limit.snapshots) {
    throw fault('snapshotCount', `is ${fields.snapshotCount}, more than ${Limit.snapshots}`);
  }
  return {
    virtualSize,
    l1Entries: fields.l1Size,
    l1Offset: placed('l1TableOffset', l1Bytes),
    refcountTableOffset: placed('refcountTableOffset', refcountClusters * clusterSize),
    refcountTableClusters: refcountClusters,
    snapshotCount: fields.snapshotCount,
    snapshotsOffset: fields.snapshotCount === 0 ? 0 : placed('snapshotsOffset', SnapshotEntry.size),
  };
}

/** QEMU counts whole sectors only, and so do the bitmaps that it keeps. */
function checkVirtualSize(fields: Fields, fault: HeaderFault): number {
  if (fields.size > BigInt(Number.MAX_SAFE_INTEGER)) throw fault('size', 'is more than 2^53 bytes');
  return Number(fields.size - (fields.size % BigInt(SECTOR_SIZE)));
}
