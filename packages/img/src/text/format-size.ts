const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Bytes for people, as QEMU writes them: three digits, and the next unit from 1000 on. */
export function formatImgSize(bytes: number): string {
  // From 1000 of a unit on it is less than 1 of the next one.
  const unit = bytes < 1000 ? 0 : Math.floor(Math.log2((bytes * 1024) / 1000) / 10);
  return `${threeDigits(bytes, unit)} ${UNITS[unit]}B`;
}

/** What lies in the middle goes to the even digit, as in C: 192.5 is 192. */
function threeDigits(bytes: number, unit: number): number {
  const value = bytes / 1024 ** unit;
  const digits = value < 1 ? 0 : Math.trunc(value).toString().length;
  const shift = 10 ** Math.max(0, 3 - digits);
  const [twice, of] = [BigInt(bytes) * BigInt(shift) * 2n, 1024n ** BigInt(unit)];
  const isMiddle = twice % of === 0n && (twice / of) % 2n === 1n;
  if (!isMiddle) return Number(value.toPrecision(3));
  const below = twice / of / 2n;
  return Number(below % 2n === 0n ? below : below + 1n) / shift;
}
