import { isUtf8 } from 'node:buffer';
import { checkBitmapName } from '@tidemark/core';

const text = new TextDecoder('utf-8', { ignoreBOM: true });

/** Where the bytes 0x80 to 0xff go that are not text: lone surrogates, which no text decodes to. */
const ESCAPES = 0xdc00;

/**
 * Names are bytes to the format, and QEMU accepts any. What is not UTF-8 becomes lone surrogates,
 * so that two names are equal as strings just when they are equal as bytes.
 */
export function decodeName(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return text.decode(bytes);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const character = bytes.subarray(at, at + sequenceLength(bytes[at]!));
    const isText = isUtf8(character);
    parts.push(isText ? text.decode(character) : String.fromCharCode(ESCAPES + bytes[at]!));
    at += isText ? character.length : 1;
  }
  return parts.join('');
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The name of a new bitmap. @throws BITMAP_INVALID where QEMU would not take it */
export function encodeName(name: string): Uint8Array {
  checkBitmapName(name);
  return new TextEncoder().encode(name);
}
