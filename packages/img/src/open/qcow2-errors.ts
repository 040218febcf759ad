import { isTidemarkError, type TidemarkError } from '@tidemark/core';
import { ImgFailure } from '../failure.ts';

/** What qemu-img says of a header that breaks a rule, by the field; the others keep our words. */
const FIELDS: Readonly<Record<string, string>> = {
  'header.backingFileOffset': 'Invalid backing file offset',
  'header.backingFileSize': 'Backing file name too long',
  'header.refcountTableClusters': 'Image does not contain a reference count table',
  'header.refcountTableOffset': 'Reference count table offset invalid',
  'header.refcountOrder': 'Reference count entry width too large; may not exceed 64 bits',
  'header.size': 'Image is too big',
  'header.l1Size': 'L1 table is too small',
  'header.l1TableOffset': 'Active L1 table offset invalid',
  'header.snapshotCount': 'Snapshot table too large',
  'header.snapshotsOffset': 'Snapshot table offset invalid',
  'header extension.length': 'Header extension too large',
};

/** Bytes of a header of version 3. */
const V3_LENGTH = 104;
/** A header that is longer is so whatever its clusters are. Bytes. */
const MAX_CLUSTER = 2 ** 21;

/** An error of `openQcow2` in qemu-img's words, where it has some. */
export function wordQcow2Error(error: unknown): unknown {
  if (!isTidemarkError(error) || error instanceof ImgFailure) return error;
  const words = wordsOf(error);
  if (words === undefined) return error;
  return new ImgFailure(words, { code: error.code, cause: error });
}

function wordsOf(error: TidemarkError): string | undefined {
  if (error.code === 'IMAGE_UNRECOGNIZED') return 'Image is not in qcow2 format';
  const version = /^qcow2 version (\d+) is not supported$/.exec(error.message)?.[1];
  if (version !== undefined) return `Unsupported qcow2 version ${version}`;
  if (error.message === 'the image is marked as corrupt') {
    return 'qcow2: Image is corrupt; cannot be opened read/write';
  }
  const features = /^the image uses features that are not supported: (.*)$/s.exec(error.message);
  if (features !== null) return `Unsupported qcow2 feature(s): ${featureList(features[1]!)}`;
  const { struct, field } = error.context;
  const found = error.message.match(/ is (\d+), not 9 to 21/);
  if (field === 'clusterBits' && found !== null) return `Unsupported cluster size: 2^${found[1]}`;
  if (field === 'headerLength') return lengthWords(error.message);
  if (field === 'compressionType') return compressionWords(error.message);
  return struct === undefined ? undefined : FIELDS[`${struct}.${field}`];
}

/** One that is no multiple of 8 is nothing to qemu-img. */
function lengthWords(message: string): string | undefined {
  const length = Number(/ is (\d+),/.exec(message)?.[1]);
  if (length < V3_LENGTH) return 'qcow2 header too short';
  return length > MAX_CLUSTER ? 'qcow2 header exceeds cluster size' : undefined;
}

function compressionWords(message: string): string | undefined {
  const type = Number(/ is (\d+),/.exec(message)?.[1]);
  if (type > 1) return `qcow2: unknown compression type: ${type}`;
  const not = type === 0 ? 'not ' : '';
  return `qcow2: Compression type incompatible feature bit must ${not}be set`;
}

/** Names first, and those that have none as one number. */
function featureList(text: string): string {
  const words: string[] = [];
  let unknown = 0n;
  for (const [, name, bit] of text.matchAll(/'([^']*)'|bit (\d+)/g)) {
    if (name !== undefined) words.push(name);
    else unknown |= 1n << BigInt(bit!);
  }
  if (unknown !== 0n) words.push(`Unknown incompatible feature: ${unknown.toString(16)}`);
  return words.join(', ');
}
