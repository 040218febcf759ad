import { HttpError } from './http-error.ts';

/** Bytes of an image. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

const ONE_RANGE = /^bytes=(?<first>\d*)-(?<last>\d*)$/;

/**
 * The one range that a Range header asks for (RFC 9110, section 14.1.2). A range that is wrong, or that
 * goes beyond the image, is an error and never another range: a client must not take the wrong bytes for
 * those it asked for. @throws HttpError 416
 */
export function parseRange(header: string, size: number): ByteRange {
  const { first = '', last = '' } = ONE_RANGE.exec(header)?.groups ?? {};
  if (first === '' && last === '')
    throw unsatisfiable(`'${header}' is not one range of bytes`, size);
  if (first === '') return lastBytes(Number(last), size);
  const offset = Number(first);
  const end = last === '' ? size : Number(last) + 1;
  if (offset >= end) throw unsatisfiable(`'${header}' has nothing in it`, size);
  if (end > size) throw unsatisfiable(`'${header}' goes beyond the ${size} bytes there are`, size);
  return { offset, length: end - offset };
}

function lastBytes(count: number, size: number): ByteRange {
  const length = Math.min(count, size);
  if (length === 0) throw unsatisfiable('a range of no bytes', size);
  return { offset: size - length, length };
}

function unsatisfiable(reason: string, size: number): HttpError {
  const headers = { 'content-range': `bytes */${size}` };
  return new HttpError(416, `this range cannot be had: ${reason}`, headers);
}
