import { open } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
} from 'yaml';
import { ConfigError } from './config-error.ts';

/** Far beyond what anybody writes. */
const MAX_BYTES = 1024 * 1024;
/** References to one anchor: a few lines must not become a thousand million. */
const MAX_ALIASES = 100;

/** What a configuration file says, and where it says it. */
export interface ConfigDocument {
  readonly value: unknown;
  /** `FILE:LINE:COLUMN` of the value under these keys, or of the last one's own name. */
  place(keys: readonly (string | number)[], of?: 'value' | 'key'): string;
}

/** @throws ConfigError: it cannot be read, is not to be trusted, or is no YAML */
export async function readDocument(path: string): Promise<ConfigDocument> {
  return parseConfig(await readConfigFile(path), path);
}

/** @throws ConfigError: it is no YAML */
export function parseConfig(text: string, path: string): ConfigDocument {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: true, strict: true };
  const document = parseDocument(text, options);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new ConfigError(faults.map((fault) => `${at(fault.pos[0])}: ${wordsOf(fault, text)}`));
  }
  const place = (keys: readonly (string | number)[], of: 'value' | 'key' = 'value') => {
    let found: unknown = document.contents;
    let offset = offsetOf(found) ?? 0;
    for (const [index, key] of keys.entries()) {
      const inner = resolve(found, document);
      const isLast = index === keys.length - 1;
      const next = isLast && of === 'key' ? keyNode(inner, key) : valueNode(inner, key);
      offset = offsetOf(next) ?? offsetOf(keyNode(inner, key)) ?? offset;
      found = next;
    }
    return at(offset);
  };
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {}, place };
  } catch (error) {
    throw new ConfigError([
      `${path}:1:1: ${lowerFirst(error instanceof Error ? error.message : String(error))}`,
    ]);
  }
}

async function readConfigFile(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size, mode } = await file.stat();
    if ((mode & 0o002) !== 0) {
      throw new ConfigError([
        `${path}: anybody may change this file: take that right away (chmod o-w)`,
      ]);
    }
    if (size > MAX_BYTES) throw new ConfigError([`${path}: it is longer than ${MAX_BYTES} bytes`]);
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    // A pipe or a device has no size.
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (bytesRead === 0) break;
    }
    if (length > MAX_BYTES)
      throw new ConfigError([`${path}: it is longer than ${MAX_BYTES} bytes`]);
    return bytes.toString('utf8', 0, length);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const failure = fromSystemError(error, path);
    const reason = isTidemarkError(failure) ? failure.message : String(error);
    throw new ConfigError([`${path}: ${reason}`], failure);
  }
}

/** The library does not say which key is given twice. */
function wordsOf({ code, message, pos }: Document['errors'][number], text: string): string {
  if (code !== 'DUPLICATE_KEY') return lowerFirst(message);
  const name = /^[^\s:{,]*/.exec(text.slice(pos[0]))?.[0] ?? '';
  return `the key '${name}' is given twice`;
}

function resolve(found: unknown, document: Document): unknown {
  return isAlias(found) ? found.resolve(document) : found;
}

function valueNode(inner: unknown, key: string | number): unknown {
  return isCollection(inner) ? inner.get(key, true) : undefined;
}

function keyNode(inner: unknown, key: string | number): unknown {
  if (!isMap(inner)) return undefined;
  return inner.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
    ?.key;
}

function offsetOf(found: unknown): number | undefined {
  return isNode(found) ? found.range?.[0] : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
