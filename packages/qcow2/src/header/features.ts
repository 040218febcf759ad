import { type Extension } from './image-header.ts';
import { unsupported } from '../errors.ts';
import { ExtensionType, Incompatible } from './spec.ts';

/** qcow2.rst, "Feature name table": word, bit, and a name of 46 bytes padded with zeros. */
const NAME_ENTRY_SIZE = 48;
const INCOMPATIBLE_WORD = 0;

const READABLE =
  Incompatible.dirty |
  Incompatible.corrupt |
  Incompatible.compressionType |
  Incompatible.extendedL2;

const REFUSED = new Map<bigint, string>([[Incompatible.dataFile, 'external data file']]);

/**
 * Refuses features that we cannot read past, by the names that the image itself gives them.
 * `accepted`: bits that the caller knows what to do with.
 */
export function refuseUnknownFeatures(
  where: string,
  incompatible: bigint,
  extensions: readonly Extension[],
  accepted = 0n,
): void {
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const mask = 1n << BigInt(bit);
    if ((incompatible & mask) === 0n || ((READABLE | accepted) & mask) !== 0n) continue;
    const name = REFUSED.get(mask) ?? nameInImage(extensions, bit);
    names.push(name === undefined ? `bit ${bit}` : `'${name}'`);
  }
  if (names.length === 0) return;
  throw unsupported(
    where,
    `the image uses features that are not supported: ${names.join(', ')}`,
    "convert it with 'qemu-img convert' to an image without them",
  );
}

function nameInImage(extensions: readonly Extension[], bit: number): string | undefined {
  for (const { type, data } of extensions) {
    if (type !== ExtensionType.featureNames) continue;
    // The last one may be cut short: what is missing of it is zeros, as to QEMU.
    for (let at = 0; at + 2 < data.length; at += NAME_ENTRY_SIZE) {
      if (data[at] !== INCOMPATIBLE_WORD || data[at + 1] !== bit) continue;
      const name = data.subarray(at + 2, at + NAME_ENTRY_SIZE);
      const end = name.indexOf(0);
      return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
    }
  }
  return undefined;
}

export function hasExtendedL2({ incompatible }: { readonly incompatible: bigint }): boolean {
  return (incompatible & Incompatible.extendedL2) !== 0n;
}
