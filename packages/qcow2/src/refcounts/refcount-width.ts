/**
 * Reads entry `index` of a refcount block whose entries are `bits` wide. Entries of less than a
 * byte start at the byte's lowest bit; wider ones are big-endian (qcow2.rst, "Host cluster
 * management").
 */
export function readRefcount(view: DataView, index: number, bits: number): number {
  switch (bits) {
    case 8:
      return view.getUint8(index);
    case 16:
      return view.getUint16(index * 2);
    case 32:
      return view.getUint32(index * 4);
    case 64:
      return view.getUint32(index * 8) * 2 ** 32 + view.getUint32(index * 8 + 4);
    default: {
      const at = index * bits;
      return (view.getUint8(Math.floor(at / 8)) >> (at % 8)) & (2 ** bits - 1);
    }
  }
}

/** Writes what `readRefcount` reads. `value` has to fit. */
export function writeRefcount(view: DataView, index: number, bits: number, value: number): void {
  switch (bits) {
    case 8:
      return view.setUint8(index, value);
    case 16:
      return view.setUint16(index * 2, value);
    case 32:
      return view.setUint32(index * 4, value);
    case 64:
      view.setUint32(index * 8, Math.floor(value / 2 ** 32));
      return view.setUint32(index * 8 + 4, value % 2 ** 32);
    default: {
      const at = index * bits;
      const byte = Math.floor(at / 8);
      const mask = (2 ** bits - 1) << (at % 8);
      view.setUint8(byte, (view.getUint8(byte) & ~mask) | (value << (at % 8)));
    }
  }
}

/** First byte of entry `index`, and the byte behind it. */
export function refcountBytes(index: number, bits: number): { from: number; to: number } {
  const from = Math.floor((index * bits) / 8);
  return { from, to: from + Math.max(1, bits / 8) };
}

interface IndexRange {
  readonly from: number;
  readonly to: number;
}

/** First entry of the range that is 0, or that is not; else the range's end. */
export function findRefcount(
  block: Uint8Array<ArrayBuffer>,
  { from, to }: IndexRange,
  bits: number,
  { free }: { readonly free: boolean },
): number {
  const entries = free ? entriesOf(block, bits) : undefined;
  if (entries !== undefined) {
    const found = entries.indexOf(0, from);
    return found < 0 ? to : Math.min(found, to);
  }
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  let index = from;
  while (index < to && (readRefcount(view, index, bits) === 0) !== free) index++;
  return index;
}

/** In the machine's order of bytes, in which zero is zero as well: a native call finds it. */
function entriesOf(block: Uint8Array<ArrayBuffer>, bits: number) {
  const { buffer, byteOffset, length } = block;
  if (bits === 8) return block;
  if (bits === 16) return new Uint16Array(buffer, byteOffset, length / 2);
  if (bits === 32) return new Uint32Array(buffer, byteOffset, length / 4);
  return undefined;
}
