import { ImgFailure } from '../failure.ts';
import type { ImgFormat } from '../open/formats.ts';
import { parseList } from './option-list.ts';
import { sizeParameter } from './sizes-in-options.ts';

type Kind = 'text' | 'size' | 'number' | 'switch';

interface Parameter {
  readonly name: string;
  readonly kind: Kind;
  readonly usual?: string;
  /** For `-o help`. */
  readonly brief: string;
}

const parameter = (name: string, kind: Kind, brief: string, usual?: string): Parameter => ({
  name,
  kind,
  brief,
  ...(usual !== undefined && { usual }),
});

const SIZE = parameter('size', 'size', 'bytes of the disk');
const PREALLOCATION = parameter('preallocation', 'text', 'off, falloc or full');
const HINTS = [
  parameter('extent_size_hint', 'size', 'a hint to XFS; taken, and not passed on'),
] as const;
const NOCOW = parameter('nocow', 'switch', 'a hint to btrfs; taken, and not passed on');

/** In the order in which they are printed. */
const PARAMETERS: Readonly<Record<ImgFormat, readonly Parameter[]>> = {
  raw: [SIZE, NOCOW, PREALLOCATION, ...HINTS],
  qcow2: [
    parameter('encryption', 'switch', 'not offered here'),
    parameter('encrypt.format', 'text', 'not offered here'),
    parameter('encrypt.key-secret', 'text', 'not offered here'),
    parameter('encrypt.cipher-alg', 'text', 'not offered here'),
    parameter('encrypt.cipher-mode', 'text', 'not offered here'),
    parameter('encrypt.ivgen-alg', 'text', 'not offered here'),
    parameter('encrypt.ivgen-hash-alg', 'text', 'not offered here'),
    parameter('encrypt.hash-alg', 'text', 'not offered here'),
    parameter('encrypt.iter-time', 'number', 'not offered here'),
    parameter('cluster_size', 'size', 'bytes of a cluster, 512 to 2M', '65536'),
    parameter('extended_l2', 'switch', 'maps clusters in 32 parts each', 'off'),
    parameter('preallocation', 'text', 'off, metadata, falloc or full'),
    parameter('compression_type', 'text', 'zlib or zstd', 'zlib'),
    SIZE,
    parameter('compat', 'text', '1.1 (v3), or 0.10 (v2), which holds no bitmaps'),
    parameter('backing_file', 'text', 'what shows where the image holds nothing'),
    parameter('backing_fmt', 'text', 'format of the backing file'),
    parameter('data_file', 'text', 'file that is made to hold the data'),
    parameter('data_file_raw', 'switch', 'the data file is a raw image of the disk'),
    parameter('lazy_refcounts', 'switch', 'allows QEMU to write refcounts late', 'off'),
    parameter('refcount_bits', 'number', 'bits of a refcount, 1 to 64', '16'),
    NOCOW,
    ...HINTS,
  ],
};

/** Options of a new image: what was said, checked for its kind alone, and what is usual. */
export class CreateOptions {
  readonly #parameters: readonly Parameter[];
  readonly #values = new Map<string, string>();
  readonly #warn: (text: string) => void;

  /** @throws USAGE: a parameter that there is not, or a value that is not of its kind */
  constructor(format: ImgFormat, list: string | undefined, warn: (text: string) => void) {
    this.#parameters = PARAMETERS[format];
    this.#warn = warn;
    for (const { name, value } of list === undefined ? [] : parseList(list)) {
      const isOff = value === undefined && name.startsWith('no') && name !== 'nocow';
      this.set(isOff ? name.slice(2) : name, value ?? (isOff ? 'off' : 'on'));
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): string | undefined {
    return this.#values.get(name) ?? this.#parameters.find((at) => at.name === name)?.usual;
  }

  isOn(name: string): boolean {
    const value = this.get(name);
    return value !== undefined && /^(on|yes|true|y)$/.test(value);
  }

  size(name: string): bigint | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : sizeParameter(value, name, () => {});
  }

  number(name: string): bigint | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : parseNumber(value);
  }

  set(name: string, value: string): void {
    const found = this.#parameters.find((at) => at.name === name);
    if (found === undefined) throw new ImgFailure(`Invalid parameter '${name}'`);
    if (found.kind === 'size') sizeParameter(value, name, this.#warn);
    if (found.kind === 'switch' && !/^(on|yes|true|y|off|no|false|n)$/.test(value)) {
      throw new ImgFailure(`Parameter '${name}' expects 'on' or 'off'`);
    }
    if (found.kind === 'number') checkNumber(value, name);
    this.#values.set(name, value);
  }

  /** What is set or usual, as qemu-img prints it: `size=1048576 lazy_refcounts=off`. */
  describe(): string {
    return this.#parameters
      .flatMap(({ name, kind }) => {
        const value = this.get(name);
        return value === undefined ? [] : [`${name}=${shown(kind, value)}`];
      })
      .join(' ');
  }

  /** For `-o help`. */
  static help(format: ImgFormat): string {
    return PARAMETERS[format]
      .filter(({ brief }) => brief !== 'not offered here')
      .map(({ name, brief }) => `  ${`${name}=`.padEnd(19)}${brief}\n`)
      .join('');
  }
}

function shown(kind: Kind, value: string): string {
  if (kind === 'text') return value.replaceAll(',', ',,');
  if (kind === 'switch') return value;
  const number = kind === 'size' ? sizeParameter(value, '', () => {}) : parseNumber(value);
  return String(BigInt.asIntN(64, number));
}

const NUMBER = /^\s*[+-]?(0x[0-9a-f]+|\d+)$/i;

function parseNumber(text: string): bigint {
  const isNegative = text.includes('-');
  const digits = text.replace(/[\s+-]/g, '');
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits}` : digits);
  return isNegative ? -value : value;
}

function checkNumber(value: string, name: string): void {
  if (!NUMBER.test(value) || /^\s*[+-]?0[0-7]*[89]/.test(value)) {
    throw new ImgFailure(`Parameter '${name}' expects a number`);
  }
  if (parseNumber(value) >= 2n ** 64n) {
    throw new ImgFailure(`Value '${value}' is too large for parameter '${name}'`);
  }
}
