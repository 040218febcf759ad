import { corrupt } from './corrupt.ts';

export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 1)}\n`);
}

/** @throws BACKUP_CORRUPT */
export function parseJson(bytes: Uint8Array, limit: number, where: string): unknown {
  if (bytes.length > limit) throw corrupt(where, `${bytes.length} bytes are more than it may have`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt(where, 'it is not JSON', cause);
  }
}
