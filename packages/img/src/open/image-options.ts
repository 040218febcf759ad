import { ImgFailure } from '../failure.ts';
import { parseList } from '../text/option-list.ts';

/** What options say of an image, under names with dots: `file.driver` is of what is below it. */
export type ImageOptions = ReadonlyMap<string, string>;

/** Deeper than anybody writes. */
const MAX_DEPTH = 64;

export const JSON_PREFIX = 'json:';

/** `driver=qcow2,file.filename=a.qcow2`, as --image-opts takes it. @throws USAGE */
export function parseImageOptions(text: string): ImageOptions {
  const options = new Map<string, string>();
  for (const { name, value } of parseList(text)) {
    // One word alone is the name of what is open already, and nothing is.
    if (value === undefined && text === name) throw notFound(name);
    options.set(name, value ?? 'on');
  }
  return options;
}

/** `json:{...}` in place of a file's name. @throws USAGE */
export function parseJsonName(name: string): ImageOptions {
  const value = parseJson(name.slice(JSON_PREFIX.length));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ImgFailure('Invalid JSON object given');
  }
  const options = new Map<string, string>();
  flatten(value, '', options, 0);
  return options;
}

export function notFound(name: string): ImgFailure {
  return new ImgFailure(`Cannot find device='${name}' nor node-name='${name}'`);
}

/** QEMU's JSON takes texts in single quotes as well. */
function parseJson(text: string): unknown {
  const strict = text.replaceAll(/"(?:[^"\\]|\\.)*"|'((?:[^'\\]|\\.)*)'/gs, (whole, single) =>
    single === undefined ? whole : `"${single.replaceAll("\\'", "'").replaceAll('"', '\\"')}"`,
  );
  try {
    return JSON.parse(strict);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ImgFailure(`Could not parse the JSON options: JSON parse error, ${why}`, {
      cause: error,
    });
  }
}

function flatten(value: unknown, at: string, options: Map<string, string>, depth: number): void {
  if (depth > MAX_DEPTH) throw new ImgFailure('Invalid JSON object given');
  if (typeof value !== 'object' || value === null) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    options.set(at, value === null ? '' : text);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    flatten(member, at === '' ? key : `${at}.${key}`, options, depth + 1);
  }
}

/** What is said of the part below: `driver` for `file.driver`. */
export function below(options: ImageOptions, part: string): ImageOptions {
  const prefix = `${part}.`;
  const found = [...options].filter(([key]) => key.startsWith(prefix));
  return new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** @throws USAGE: neither on nor off */
export function flagOf(options: ImageOptions, key: string): boolean {
  const value = options.get(key) ?? 'off';
  if (/^(?:on|yes|true|y)$/.test(value)) return true;
  if (/^(?:off|no|false|n)$/.test(value)) return false;
  throw new ImgFailure(`Parameter '${key}' expects 'on' or 'off'`);
}
