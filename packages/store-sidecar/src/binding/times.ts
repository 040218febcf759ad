const NS_PER_MS = 1_000_000n;

/** Nanoseconds since 1970 with all nine digits: two times that differ have to look different. */
export function timeOf(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / NS_PER_MS)).toISOString();
  return `${date.slice(0, -1)}${String(nanoseconds % NS_PER_MS).padStart(6, '0')}Z`;
}
