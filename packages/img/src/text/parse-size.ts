const FACTORS = new Map(
  ['b', 'k', 'm', 'g', 't', 'p', 'e'].map((suffix, i) => [suffix, 1024n ** BigInt(i)]),
);
const LARGEST = 2n ** 64n - 1n;

/** `invalid`: no size at all. `out of range`: none that 64 bits hold. */
export type ParsedSize =
  | { readonly bytes: bigint; readonly isDeprecated: boolean }
  | 'invalid'
  | 'out of range';

/**
 * A size as QEMU's tools take it: `4096`, `64k`, `1.5G`, `0x1000`, one suffix of powers of 1024.
 * A hexadecimal number with a suffix is deprecated.
 */
export function parseImgSize(text: string): ParsedSize {
  const hex = /^[ \t\n\v\f\r]*\+?0x([0-9a-f]+)([a-z]?)$/i.exec(text);
  if (hex !== null) {
    const factor = factorOf(hex[2]!);
    if (factor === undefined) return 'invalid';
    return inRange(BigInt(`0x${hex[1]}`) * factor, hex[2] !== '');
  }
  const found = /^[ \t\n\v\f\r]*\+?(\d+)(?:\.(\d*))?([a-z]?)$/i.exec(text);
  const factor = found === null ? undefined : factorOf(found[3]!);
  if (found === null || factor === undefined) return 'invalid';
  const digits = found[2] ?? '';
  const part = BigInt(digits === '' ? 0 : digits);
  if (part > 0n && factor === 1n) return 'invalid';
  const fraction = (part * factor) / 10n ** BigInt(digits.length);
  return inRange(BigInt(found[1]!) * factor + fraction, false);
}

function factorOf(suffix: string): bigint | undefined {
  return suffix === '' ? 1n : FACTORS.get(suffix.toLowerCase());
}

function inRange(bytes: bigint, isDeprecated: boolean): ParsedSize {
  return bytes > LARGEST ? 'out of range' : { bytes, isDeprecated };
}
