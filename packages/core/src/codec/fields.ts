/** How one value lies in bytes. All of qcow2 and NBD is big-endian, so nothing here asks. */
export interface Field<T> {
  readonly size: number;
  read(view: DataView, at: number): T;
  write(view: DataView, at: number, value: T): void;
}

// DataView wraps a value that does not fit; a header must not be written that way.
function unsigned(bits: 8 | 16 | 32): Field<number> {
  const max = 2 ** bits - 1;
  return {
    size: bits / 8,
    read: (view, at) => view[`getUint${bits}`](at),
    write(view, at, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw new RangeError(`expected an unsigned ${bits}-bit integer, got ${value}`);
      }
      view[`setUint${bits}`](at, value);
    },
  };
}

/** One byte. Writing throws RangeError for what is no integer from 0 to 2^8 - 1. */
export const u8: Field<number> = unsigned(8);
/** Two bytes, big-endian. Writing throws RangeError for what is no integer from 0 to 2^16 - 1. */
export const u16: Field<number> = unsigned(16);
/** Four bytes, big-endian. Writing throws RangeError for what is no integer from 0 to 2^32 - 1. */
export const u32: Field<number> = unsigned(32);

/** Eight bytes, big-endian. Writing throws RangeError for what is below 0 or above 2^64 - 1. */
export const u64: Field<bigint> = {
  size: 8,
  read: (view, at) => view.getBigUint64(at),
  write(view, at, value) {
    if (value < 0n || value >= 1n << 64n) {
      throw new RangeError(`expected an unsigned 64-bit integer, got ${value}`);
    }
    view.setBigUint64(at, value);
  },
};

/** Bytes that the format keeps for later: written as zeros, refused when they are not. */
export function reserved(size: number): Field<null> {
  return {
    size,
    read(view, at) {
      for (let i = 0; i < size; i++) {
        if (view.getUint8(at + i) !== 0) throw new RangeError('reserved bytes must be zero');
      }
      return null;
    },
    write(view, at) {
      for (let i = 0; i < size; i++) view.setUint8(at + i, 0);
    },
  };
}

/** Bytes without a meaning of their own, copied in and out. */
export function bytes(size: number): Field<Uint8Array> {
  return {
    size,
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
    write(view, at, value) {
      if (value.length !== size)
        throw new RangeError(`expected ${size} bytes, got ${value.length}`);
      new Uint8Array(view.buffer, view.byteOffset + at, size).set(value);
    },
  };
}
