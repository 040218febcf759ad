import { type ErrorCode, TidemarkError } from '../errors.ts';
import type { Field } from './fields.ts';

// The one place where a field's type is not known: a shape holds fields of any type.
type Shape = Record<string, Field<any>>; // oxlint-disable-line typescript/no-explicit-any

/** What a struct's fields hold. */
export type ValuesOf<S> =
  S extends Struct<infer Fields>
    ? ValuesOf<Fields>
    : { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** A struct of a format: made of its fields by `struct`, it reads and writes bytes. */
export interface Struct<S extends Shape> {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Byte offset of each field, so that a patch to one field needs no number of its own. */
  readonly offsetOf: { readonly [K in keyof S]: number };
  /** Reads the struct at `at`. @throws the struct's own code, naming field and offset */
  decode(source: Uint8Array, at?: number): ValuesOf<S>;
  /**
   * Writes the struct into `target` at `at`, or into new bytes; returns the bytes it fills.
   * @throws RangeError naming the field: a value does not fit
   */
  encode(values: ValuesOf<S>, target?: Uint8Array, at?: number): Uint8Array;
}

/** Of `struct`. */
export interface StructOptions {
  /** Code of errors about the bytes. Default IMAGE_CORRUPT. */
  readonly errorCode?: ErrorCode;
}

/** Declares a struct. Field order is byte order; there is no padding that is not declared. */
export function struct<S extends Shape>(
  name: string,
  shape: S,
  { errorCode = 'IMAGE_CORRUPT' }: StructOptions = {},
): Struct<S> {
  const keys = Object.keys(shape) as (keyof S & string)[];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filled for each key below
  const offsetOf = {} as { [K in keyof S]: number };
  let size = 0;
  for (const key of keys) {
    offsetOf[key] = size;
    size += shape[key]!.size;
  }

  function decode(source: Uint8Array, at = 0): ValuesOf<S> {
    if (at + size > source.length) {
      const there = Math.max(0, source.length - at);
      throw new TidemarkError(errorCode, `${name} is cut short: ${there} of ${size} bytes`, {
        struct: name,
        offset: at,
      });
    }
    const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    const values: Record<string, unknown> = {};
    for (const key of keys) {
      const offset = at + offsetOf[key];
      try {
        values[key] = shape[key]!.read(view, offset);
      } catch (cause) {
        const context = { struct: name, field: key, offset };
        throw new TidemarkError(errorCode, `${name}.${key} is not valid`, context, cause);
      }
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field gave its own type
    return values as ValuesOf<S>;
  }

  function encode(values: ValuesOf<S>, target = new Uint8Array(size), at = 0): Uint8Array {
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    for (const key of keys) {
      try {
        shape[key]!.write(view, at + offsetOf[key], (values as Record<string, unknown>)[key]);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new RangeError(`${name}.${key}: ${why}`, { cause });
      }
    }
    return target.subarray(at, at + size);
  }

  return { name, size, offsetOf, decode, encode };
}
