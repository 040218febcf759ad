const KEY = /^[a-z0-9-][a-z0-9.-]*(?:\/[a-z0-9-][a-z0-9.-]*)*$/;
const MAX_KEY_LENGTH = 512;

/** Whether a store keeps objects under such a key: small letters, digits, `-`, `.`, in parts between `/`. */
export function isKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key);
}

/** A key that could leave the store, or that a store could not keep. @throws TypeError */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new TypeError(`'${key.slice(0, 100)}' is not a key of an object`);
}

/** Nothing, or a key and `/`. @throws TypeError */
export function checkPrefix(prefix: string): void {
  if (prefix !== '' && !(prefix.endsWith('/') && isKey(prefix.slice(0, -1)))) {
    throw new TypeError(`'${prefix.slice(0, 100)}' is not a prefix of keys`);
  }
}
