import { createHash } from 'node:crypto';
import { TidemarkError } from '@tidemark/core';
import type { FileDigest } from '../files/sequential-file.ts';
import { isGranularity } from './granules.ts';
import { decodeDriveAndBitmap } from './drive-and-bitmap.ts';
import { JsonFields } from './json-fields.ts';
import type { PointKind } from './names.ts';

const FORMAT = 'tidemark-backup';
const VERSION = 1;
export const MAX_MANIFEST_SIZE = 1024 * 1024;

/** Who a drive is. `id` alone decides: two drives never share one, and a drive keeps its own. */
export interface DriveIdentity {
  readonly id: string;
  /** For people, such as the base name of its path. */
  readonly label: string;
  /** For people: `raw`, `qcow2` and the like. */
  readonly format: string;
}

/** Names a restore point and what it must look like: the digest is over its manifest's bytes. */
export interface PointReference {
  readonly point: string;
  readonly digest: string;
}

/** Sums over a restore point, as its manifest has them. Bytes of the drive. */
export interface Totals {
  /** Granules that the point records, data and zeros. */
  readonly granules: number;
  readonly dataBytes: number;
  readonly zeroBytes: number;
}

interface ManifestBitmap {
  readonly name: string;
  readonly granularity: number;
  /** Names this point in the bitmap itself: what records since then is what changed since. */
  readonly checkpoint: string;
}

/** docs/format-v1.md, "manifest.json". */
export interface Manifest {
  readonly point: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly kind: PointKind;
  /** Why it is of this kind, in words. */
  readonly reason: string;
  readonly parent: PointReference | null;
  readonly drive: DriveIdentity & { readonly size: number };
  /** Bytes. */
  readonly granularity: number;
  /** The bitmap that begins anew here, and that said what to copy where the point is incremental. */
  readonly bitmap: ManifestBitmap | null;
  readonly files: { readonly data: FileDigest; readonly index: FileDigest };
  readonly totals: Totals;
}

const ZEROS = '0'.repeat(64);
const CHECKSUM = /"checksum": "([0-9a-f]{64})"/;

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The digest that a child keeps of its parent. */
export const manifestDigest: (bytes: Uint8Array) => string = sha256;

/** The bytes of manifest.json. The checksum in it is of these bytes with zeros in its own place. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const value = { format: FORMAT, version: VERSION, ...manifest, checksum: ZEROS };
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  const sum = sha256(text);
  return new TextEncoder().encode(text.replace(CHECKSUM, () => `"checksum": "${sum}"`));
}

function parse(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TidemarkError('BACKUP_CORRUPT', `'${where}' is not JSON`, { where }, cause);
  }
}

function checkSum(bytes: Uint8Array, where: string): void {
  const text = Buffer.from(bytes).toString('latin1');
  const sum = CHECKSUM.exec(text)?.[1];
  const blanked = text.replace(CHECKSUM, `"checksum": "${ZEROS}"`);
  if (sum !== sha256(Buffer.from(blanked, 'latin1'))) {
    throw new TidemarkError('BACKUP_CORRUPT', `'${where}' does not match its checksum`, { where });
  }
}

function decodeFile(fields: JsonFields, name: string): FileDigest {
  const file = fields.object(name);
  return {
    name: file.oneOf('name', [name]),
    size: file.size('size'),
    sha256: file.digest('sha256'),
  };
}

function decodeReference(fields: JsonFields): PointReference {
  return { point: fields.text('point'), digest: fields.digest('digest') };
}

/** @throws BACKUP_CORRUPT; also for a version that is not known */
export function decodeManifest(bytes: Uint8Array, where: string): Manifest {
  const json = parse(bytes, where);
  const fields = new JsonFields(json, where);
  fields.oneOf('format', [FORMAT]);
  fields.oneOf('version', [VERSION]);
  checkSum(bytes, where);
  const files = fields.object('files');
  const totals = fields.object('totals');
  const manifest: Manifest = {
    point: fields.text('point'),
    created: fields.text('created'),
    kind: fields.oneOf('kind', ['full', 'incremental'] as const),
    reason: fields.text('reason'),
    parent: fields.isNull('parent') ? null : decodeReference(fields.object('parent')),
    ...decodeDriveAndBitmap(fields),
    granularity: fields.size('granularity'),
    files: { data: decodeFile(files, 'data'), index: decodeFile(files, 'index') },
    totals: {
      granules: totals.size('granules'),
      dataBytes: totals.size('dataBytes'),
      zeroBytes: totals.size('zeroBytes'),
    },
  };
  checkSense(manifest, where);
  return manifest;
}

function checkSense(manifest: Manifest, where: string): void {
  const problem = isGranularity(manifest.granularity)
    ? (manifest.kind === 'full') !== (manifest.parent === null)
      ? 'only an incremental point has a parent'
      : manifest.files.data.size === manifest.totals.dataBytes
        ? undefined
        : 'the size of the data is given in two ways'
    : `${manifest.granularity} is not a granularity`;
  if (problem === undefined) return;
  throw new TidemarkError('BACKUP_CORRUPT', `'${where}' is damaged: ${problem}`, { where });
}

/** head.json: the point that was committed last, so that its removal is noticed. */
export function encodeHead(head: PointReference): Uint8Array {
  const value = { format: `${FORMAT}-head`, version: VERSION, ...head };
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function decodeHead(bytes: Uint8Array, where: string): PointReference {
  const fields = new JsonFields(parse(bytes, where), where);
  fields.oneOf('format', [`${FORMAT}-head`]);
  fields.oneOf('version', [VERSION]);
  return decodeReference(fields);
}
