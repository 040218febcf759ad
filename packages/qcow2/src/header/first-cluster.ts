import { roundUp } from '../geometry.ts';
import type { HostFile } from '../io/host-file.ts';
import { ExtensionHead, ExtensionType } from './spec.ts';

/** Bytes of an image that are read at first: nearly every header ends before. */
const FIRST_PART = 4096;

interface HeaderFields {
  readonly clusterBits: number;
  readonly headerLength: number;
  readonly backingFileOffset: bigint;
  readonly backingFileSize: number;
}

/** The first bytes of an image; fewer where it has no more. */
export function readFirstPart(file: HostFile): Promise<Uint8Array<ArrayBuffer>> {
  return file.readNewSoon(0, Math.min(file.size, FIRST_PART));
}

/** The first cluster up to the end of the header and what it names; zeros stand for what is not read of the rest. */
export async function readFirstCluster(
  file: HostFile,
  part: Uint8Array,
  fields: HeaderFields,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = 2 ** fields.clusterBits;
  if (!isWithin(part, fields)) return file.readNewSoon(0, size);
  const cluster = new Uint8Array(size);
  cluster.set(part.subarray(0, size));
  return cluster;
}

/** Whether extensions and the backing file's name end in a part. Where that is in doubt, they do not. */
function isWithin(part: Uint8Array, fields: HeaderFields): boolean {
  const backing = Number(fields.backingFileOffset);
  if (backing + fields.backingFileSize > part.length) return false;
  const end = backing === 0 ? part.length : backing;
  for (let at = fields.headerLength; at + ExtensionHead.size <= end;) {
    const { type, length } = ExtensionHead.decode(part, at);
    if (type === ExtensionType.end) return true;
    at += ExtensionHead.size + roundUp(length, 8);
  }
  return false;
}
