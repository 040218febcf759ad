import * as v from 'valibot';

/** A whole number that JSON carries exactly: counts, and bytes of disk. */
export function whole(description: string, { least = 0, most = Number.MAX_SAFE_INTEGER } = {}) {
  return v.pipe(
    v.number(),
    v.integer(),
    v.minValue(least),
    v.maxValue(most),
    v.description(description),
  );
}

export function text(description: string) {
  return v.pipe(v.string(), v.description(description));
}

export function flag(description: string) {
  return v.pipe(v.boolean(), v.description(description));
}

export function time(description: string) {
  return v.pipe(v.string(), v.isoTimestamp(), v.description(description));
}

/** Per second. */
export function rate(description: string) {
  return v.pipe(v.number(), v.minValue(0), v.description(description));
}

/** A byte for each cell. */
export function cellBytes(description: string) {
  const content = 'Base64 of one byte a cell';
  return v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9+/]*={0,2}$/),
    v.description(`${content}: ${description}`),
  );
}
