/**
 * A u64 as a number, without a bigint: for the data path. From 2^53 on it is not exact, but still
 * above every size, so a check against a size refuses it.
 */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/** Writes a safe integer of 0 or more. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

/** The same to bytes: a view costs more than a short reply. */
export function putU64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value % 2 ** 32, at + 4);
}
