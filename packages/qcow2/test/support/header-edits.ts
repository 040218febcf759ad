import { HeaderV3 } from '../../src/header/spec.ts';

/**
 * Puts an extension in front of all others, as another program could have done. A backing file's
 * name moves behind them.
 */
export function addExtension(image: Uint8Array, type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(image);
  const view = new DataView(bytes.buffer);
  const at = HeaderV3.offsetOf;
  const start = view.getUint32(at.headerLength);
  const clusterSize = 2 ** view.getUint32(at.clusterBits);
  const size = 8 + Math.ceil(data.length / 8) * 8;
  bytes.copyWithin(start + size, start, clusterSize - size);
  bytes.fill(0, start, start + size);
  view.setUint32(start, type);
  view.setUint32(start + 4, data.length);
  bytes.set(data, start + 8);
  const name = view.getBigUint64(at.backingFileOffset);
  if (name !== 0n) view.setBigUint64(at.backingFileOffset, name + BigInt(size));
  return bytes;
}

/** The data of the extension of that type, or undefined. */
export function findExtension(image: Uint8Array, type: number): Uint8Array | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const at = HeaderV3.offsetOf;
  const name = Number(view.getBigUint64(at.backingFileOffset));
  const end = name === 0 ? 2 ** view.getUint32(at.clusterBits) : name;
  for (let head = view.getUint32(at.headerLength); head + 8 <= end;) {
    const [found, length] = [view.getUint32(head), view.getUint32(head + 4)];
    if (found === type) return image.subarray(head + 8, head + 8 + length);
    if (found === 0) return undefined;
    head += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
