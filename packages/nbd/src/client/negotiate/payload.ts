const encoder = new TextEncoder();

export function u16Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string as options have it: u32 of its bytes, then the bytes. */
export function lengthAndText(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return Buffer.concat([u32Bytes(bytes.length), bytes]);
}
