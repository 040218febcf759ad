export type Json =
  | string
  | number
  | bigint
  | boolean
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** JSON as qemu-img prints it: four spaces, empty lists over two lines, ASCII alone. */
export function formatJson(value: Json, indent = ''): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object') return String(value);
  const inner = `${indent}    `;
  if (isList(value)) {
    const items = value.map((item) => `\n${inner}${formatJson(item, inner)}`);
    return `[${items.join(',')}\n${indent}]`;
  }
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`\n${inner}${quote(key)}: ${formatJson(member, inner)}`],
  );
  return `{${members.join(',')}\n${indent}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
