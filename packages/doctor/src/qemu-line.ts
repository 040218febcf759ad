/** The bits of an entry, in halves of 32, as `qemu-img check` prints them. */
export function hexOf(high: number, low: number): string {
  return hex(entryOf(high, low));
}

export function hex(value: bigint | number): string {
  return value.toString(16);
}

export function entryOf(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
