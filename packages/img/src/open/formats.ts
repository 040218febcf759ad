import type { BlockDevice } from '@tidemark/block';
import { ImgFailure, notOffered } from '../failure.ts';

export type ImgFormat = 'raw' | 'qcow2';

interface Signature {
  readonly format: string;
  /** Latin-1. */
  readonly bytes: string;
  readonly offset?: number;
}

/** Formats of QEMU that are not ours, by what their files begin with. */
const SIGNATURES: readonly Signature[] = [
  { format: 'vmdk', bytes: 'KDMV' },
  { format: 'vmdk', bytes: 'COWD' },
  { format: 'vmdk', bytes: '# Disk DescriptorFile' },
  { format: 'vhdx', bytes: 'vhdxfile' },
  { format: 'vpc', bytes: 'conectix' },
  { format: 'vdi', bytes: '\x7f\x10\xda\xbe', offset: 0x40 },
  { format: 'qed', bytes: 'QED\0' },
  { format: 'qcow', bytes: 'QFI\xfb\0\0\0\x01' },
  { format: 'parallels', bytes: 'WithoutFreeSpace' },
  { format: 'parallels', bytes: 'WithouFreSpacExt' },
  { format: 'luks', bytes: 'LUKS\xba\xbe' },
  { format: 'bochs', bytes: 'Bochs Virtual HD Image' },
];

const OTHERS = new Set([
  ...SIGNATURES.map(({ format }) => format),
  'cloop',
  'dmg',
  'file',
  'vvfat',
]);
const PROBED_BYTES = 512;
const QCOW2_MAGIC = 'QFI\xfb';

/** A format that somebody named. @param unknown what is said of one that there is not */
export function formatOf(
  name: string,
  unknown = (format: string) => `Unknown driver '${format}'`,
): ImgFormat {
  if (name === 'raw' || name === 'qcow2') return name;
  if (OTHERS.has(name)) throw notOffered(`Format '${name}'`);
  throw new ImgFailure(unknown(name));
}

/** By the first bytes. @throws USAGE: a format of QEMU that is not ours */
export async function probe(file: BlockDevice): Promise<ImgFormat> {
  const start = new Uint8Array(Math.min(PROBED_BYTES, file.size));
  if (start.length > 0) await file.read(start, 0);
  const text = Buffer.from(start).toString('latin1');
  const other = SIGNATURES.find(({ bytes, offset = 0 }) => text.startsWith(bytes, offset));
  if (other !== undefined) throw notOffered(`Format '${other.format}'`);
  return text.startsWith(QCOW2_MAGIC) ? 'qcow2' : 'raw';
}
