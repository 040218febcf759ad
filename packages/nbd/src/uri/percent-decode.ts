import { uriError } from './uri-error.ts';

/** @throws USAGE: an escape that is cut short, or bytes that are not UTF-8 */
export function percentDecode(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw uriError(text, `'${part}' has a '%' that does not begin an escape of UTF-8`);
  }
}
