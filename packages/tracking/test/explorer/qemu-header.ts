import type { BlockDevice } from '@tidemark/block';
import { composeHeader } from '../../../qcow2/src/header/compose-header.ts';
import { readHeader } from '../../../qcow2/src/header/parse-header.ts';
import { ExtensionType } from '../../../qcow2/src/header/spec.ts';
import { HostFile } from '../../../qcow2/src/io/host-file.ts';

/** Names of features: 8 of 48 bytes in QEMU 7.2, where clusters are larger than 4 KiB. */
const FEATURE_NAMES = { type: ExtensionType.featureNames, data: new Uint8Array(8 * 48) };
/** QEMU knows of bitmaps and of raw data files. */
const KNOWN_AUTOCLEAR = 3n;

/**
 * The first cluster of an image as QEMU 7.2 writes it whenever it changes the header: bits it does
 * not know cleared, its own order of extensions, and the backing file's name right behind them.
 * Names of features are zeros. Held to QEMU by a test of its own. Undefined: there are neither bitmaps
 * nor a bit that QEMU does not know, for which it would write the header.
 */
export async function layAsQemuDoes(
  device: BlockDevice,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const header = await readHeader(new HostFile(device));
  if (header.autoclear === 0n) return undefined;
  const cluster = 2 ** header.clusterBits;
  const of = (type: number) => header.extensions.filter((it) => it.type === type);
  const known: readonly number[] = Object.values(ExtensionType);
  // What it does not know comes out in reverse each time.
  const others = header.extensions.filter(({ type }) => !known.includes(type)).toReversed();
  const names = cluster > 4096 ? [FEATURE_NAMES] : [];
  const bytes = new Uint8Array(cluster);
  const { backingFormat, bitmaps } = ExtensionType;
  const extensions = [...of(backingFormat), ...names, ...of(bitmaps), ...others];
  const laid = { ...header, extensions, autoclear: header.autoclear & KNOWN_AUTOCLEAR };
  const end = composeHeader(laid).length;
  const backing = header.backing && { ...header.backing, offset: end };
  bytes.set(composeHeader({ ...laid, backing }));
  if (backing !== undefined) bytes.set(backing.bytes, end);
  return bytes;
}

/**
 * Whether a crash has left the backing file's name half-way between two places, which happens once,
 * when an image becomes ours: there a torn write of QEMU can lose it.
 */
export async function isMakingWay(device: BlockDevice): Promise<boolean> {
  const { extensions } = await readHeader(new HostFile(device));
  const { length } = FEATURE_NAMES.data;
  return extensions.some(({ type, data }) => type === FEATURE_NAMES.type && data.length > length);
}
