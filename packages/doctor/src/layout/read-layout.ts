import { TidemarkError } from '@tidemark/core';
import {
  ExtensionType,
  HeaderV2,
  HeaderV3,
  Incompatible,
  Limit,
  QCOW2_MAGIC,
} from '@tidemark/qcow2/format';
import type { Findings } from '../findings.ts';
import { findExtensions } from './find-extensions.ts';
import type { Layout, TablePlace } from './layout.ts';
import { type HostRange, isPlace } from './ranges.ts';
import type { Source } from './source.ts';

type Fields = ReturnType<typeof HeaderV3.decode>;

const KNOWN = Object.values(Incompatible).reduce((all, bit) => all | bit, 0n);
const ENTRY = 8;

/**
 * Reads a header as far as it makes sense. Only what leaves nothing to go by is thrown.
 * @throws IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT
 */
export async function readLayout(source: Source, findings: Findings): Promise<Layout> {
  const where = source.device.label;
  const fields = decodeFields(where, await source.read(0, Math.min(source.size, HeaderV3.size)));
  checkShape(where, fields);
  const clusterSize = 2 ** fields.clusterBits;
  const cluster = await source.read(0, clusterSize);
  const area = extensionArea(fields, clusterSize, findings);
  const found = findExtensions(cluster, area);
  if (found.brokenExtensionAt !== undefined) {
    findings.add({
      kind: 'extension',
      severity: 'corruption',
      offset: found.brokenExtensionAt,
      message: `the header extension at byte ${found.brokenExtensionAt} is longer than the room for extensions`,
    });
  }
  const tables = new TableReader(source.size, clusterSize, findings);
  const layout = {
    version: fields.version === 2 ? 2 : 3,
    clusterBits: fields.clusterBits,
    clusterSize,
    refcountOrder: fields.refcountOrder,
    refcountBits: 2 ** fields.refcountOrder,
    virtualSize: Number(fields.size),
    hasExtendedL2: (fields.incompatibleFeatures & Incompatible.extendedL2) !== 0n,
    hasDataFile: (fields.incompatibleFeatures & Incompatible.dataFile) !== 0n,
    incompatible: fields.incompatibleFeatures,
    autoclear: fields.autoclearFeatures,
    headerLength: fields.headerLength,
    cluster,
    ...found,
    extensionsLimit: area.end,
    l1: tables.l1(fields),
    refcountTable: tables.refcountTable(fields),
    snapshots: tables.snapshots(fields),
    luks: luksRange(cluster, found.extensions),
  } as const;
  checkL1Size(layout, findings);
  noteMarks(layout, findings);
  return layout;
}

function decodeFields(where: string, start: Uint8Array): Fields {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < 4 || view.getUint32(0) !== QCOW2_MAGIC) {
    const hint = 'check the path: only qcow2 images can be checked';
    throw new TidemarkError('IMAGE_UNRECOGNIZED', 'this is not a qcow2 image', { where, hint });
  }
  const common = HeaderV2.decode(start);
  if (common.version === 3) return HeaderV3.decode(start);
  if (common.version !== 2) {
    throw new TidemarkError(
      'IMAGE_UNSUPPORTED',
      `qcow2 version ${common.version} is not supported`,
      { where, hint: 'use a version of this program that knows it' },
    );
  }
  const noFeatures = { incompatibleFeatures: 0n, compatibleFeatures: 0n, autoclearFeatures: 0n };
  return { ...common, ...noFeatures, refcountOrder: 4, headerLength: HeaderV2.size };
}

/** What nothing can be read without. */
function checkShape(where: string, fields: Fields): void {
  const fault = (field: keyof Fields, problem: string) =>
    new TidemarkError('IMAGE_CORRUPT', `header.${field} ${problem}`, {
      where,
      struct: 'header',
      field,
      offset: HeaderV3.offsetOf[field],
      hint: 'restore the first cluster from a backup: without it nothing else can be found',
    });
  const { min, max } = Limit.clusterBits;
  const { clusterBits, refcountOrder, incompatibleFeatures } = fields;
  if (clusterBits < min || clusterBits > max) {
    throw fault('clusterBits', `is ${clusterBits}, not ${min} to ${max}`);
  }
  if (refcountOrder > Limit.refcountOrder) {
    throw fault('refcountOrder', `is ${refcountOrder}, more than ${Limit.refcountOrder}`);
  }
  if (fields.size > BigInt(Number.MAX_SAFE_INTEGER)) throw fault('size', `is ${fields.size}`);
  const unknown = incompatibleFeatures & ~KNOWN;
  if (unknown === 0n) return;
  throw new TidemarkError(
    'IMAGE_UNSUPPORTED',
    `the image has incompatible features that are not known: 0x${unknown.toString(16)}`,
    { where, hint: 'use a version of this program that knows them' },
  );
}

function extensionArea(fields: Fields, clusterSize: number, findings: Findings) {
  const { headerLength, backingFileOffset } = fields;
  const least = fields.version === 2 ? HeaderV2.size : HeaderV3.size;
  const wrong = (field: keyof Fields, problem: string) =>
    findings.add({
      kind: 'header',
      severity: 'corruption',
      offset: HeaderV3.offsetOf[field],
      message: `header.${field} ${problem}`,
    });
  const isLengthSound = headerLength >= least && headerLength <= clusterSize;
  if (!isLengthSound) wrong('headerLength', `is ${headerLength}, not ${least} to ${clusterSize}`);
  const start = isLengthSound ? headerLength : clusterSize;
  if (backingFileOffset === 0n) return { start, end: clusterSize };
  const isInside = backingFileOffset >= BigInt(start) && backingFileOffset <= BigInt(clusterSize);
  if (!isInside) wrong('backingFileOffset', `is ${backingFileOffset}, outside the first cluster`);
  return { start, end: isInside ? Number(backingFileOffset) : clusterSize };
}

/** Where the header's tables lie; one that cannot be there is reported and left out. */
class TableReader {
  readonly #fileSize: number;
  readonly #clusterSize: number;
  readonly #findings: Findings;

  constructor(fileSize: number, clusterSize: number, findings: Findings) {
    this.#fileSize = fileSize;
    this.#clusterSize = clusterSize;
    this.#findings = findings;
  }

  l1({ l1Size, l1TableOffset }: Fields): TablePlace | undefined {
    if (l1Size === 0) return { offset: 0, entries: 0 };
    const isSized = l1Size * ENTRY <= Limit.l1Bytes;
    return isSized && this.#isPlace('L1 table', l1TableOffset)
      ? { offset: Number(l1TableOffset), entries: l1Size }
      : this.#lost(isSized, `the L1 table has ${l1Size} entries`);
  }

  refcountTable({ refcountTableOffset, refcountTableClusters }: Fields): TablePlace | undefined {
    const bytes = refcountTableClusters * this.#clusterSize;
    const isSized = bytes > 0 && bytes <= Limit.refcountTableBytes;
    return isSized && this.#isPlace('refcount table', refcountTableOffset)
      ? { offset: Number(refcountTableOffset), entries: bytes / ENTRY }
      : this.#lost(isSized, `the refcount table has ${refcountTableClusters} clusters`);
  }

  snapshots({ snapshotCount, snapshotsOffset }: Fields): Layout['snapshots'] {
    if (snapshotCount === 0) return { offset: 0, count: 0 };
    const isSized = snapshotCount <= Limit.snapshots;
    return isSized && this.#isPlace('snapshot table', snapshotsOffset)
      ? { offset: Number(snapshotsOffset), count: snapshotCount }
      : this.#lost(isSized, `the snapshot table has ${snapshotCount} entries`);
  }

  #isPlace(what: string, offset: bigint): boolean {
    if (isPlace(offset, this.#clusterSize, this.#fileSize)) return true;
    this.#report(`the ${what} cannot be at byte ${offset}`);
    return false;
  }

  #lost(isSized: boolean, problem: string): undefined {
    if (!isSized) this.#report(`${problem}, which is not possible`);
  }

  #report(message: string): void {
    this.#findings.add({ kind: 'header', severity: 'corruption', message });
  }
}

function checkL1Size(layout: Layout, findings: Findings): void {
  const { clusterSize, hasExtendedL2, virtualSize, l1 } = layout;
  const coverage = (clusterSize / (hasExtendedL2 ? 2 * ENTRY : ENTRY)) * clusterSize;
  const needed = Math.ceil(virtualSize / coverage);
  if (l1 === undefined || l1.entries >= needed) return;
  findings.add({
    kind: 'header',
    severity: 'corruption',
    message: `the L1 table has ${l1.entries} entries, and a disk of ${virtualSize} bytes needs ${needed}`,
  });
}

function noteMarks({ incompatible }: Layout, findings: Findings): void {
  if ((incompatible & Incompatible.dirty) !== 0n) {
    const message = 'the image was not closed, and its refcounts may be out of date';
    findings.add({ kind: 'marked-dirty', severity: 'note', message });
  }
  if ((incompatible & Incompatible.corrupt) !== 0n) {
    const message = 'the image is marked as corrupt: QEMU does not open it for writing';
    findings.add({ kind: 'marked-corrupt', severity: 'note', message });
  }
}

/** qcow2.rst, "Full disk encryption header pointer": offset and length. */
function luksRange(cluster: Uint8Array, extensions: Layout['extensions']): HostRange | undefined {
  const found = extensions.find(({ type }) => type === ExtensionType.encryption);
  if (found?.length !== 16) return undefined;
  const view = new DataView(cluster.buffer, cluster.byteOffset);
  const offset = Number(view.getBigUint64(found.at + 8));
  const length = Number(view.getBigUint64(found.at + 16));
  return { offset, length };
}
