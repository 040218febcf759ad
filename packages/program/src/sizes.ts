import { TidemarkError } from '@tidemark/core';

const SUFFIXES = ['', 'k', 'm', 'g', 't', 'p'];
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes from text such as `65536`, `64k`, `64K`, `64KiB` or `1G`: powers of 1024. @throws USAGE */
export function parseSize(text: string): number {
  const match = /^(\d+)\s*([kmgtp]?)(?:i?b)?$/i.exec(text);
  const exponent = match ? SUFFIXES.indexOf(match[2]!.toLowerCase()) : -1;
  const bytes = exponent < 0 ? Number.NaN : Number(match![1]) * 1024 ** exponent;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new TidemarkError('USAGE', `'${text}' is not a size`, {
    hint: 'write a number of bytes, or one with a suffix: 65536, 64k, 1G',
  });
}

/** Bytes for people: `64 KiB`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // By what is shown: one byte less than 1 GiB is `1 GiB`, not `1024 MiB`.
  while (round(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${round(value)} ${UNITS[unit]}`;
}

/** To three digits or so. */
function round(value: number): number {
  return Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2));
}
