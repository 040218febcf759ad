import type { JsonValue } from './json-value.ts';

/**
 * JSON as QEMU prints it: in ASCII, other characters as \uXXXX, with a space after each comma and
 * colon. Members that are undefined are left out.
 */
export function writeJson(value: JsonValue): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`${value} cannot be written as JSON`);
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(', ')}]`;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${writeString(key)}: ${writeJson(member)}`);
  }
  return `{${members.join(', ')}}`;
}

function writeString(text: string): string {
  const whole = text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
  return JSON.stringify(whole).replaceAll(/[\u007f-\uffff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}
