import { ControlToken, TOKEN_SIZE } from './spec.ts';
import { crc32 } from './crc32.ts';

/** Says at which checkpoint a bitmap began. Names may be long, so the bitmap is known by less. */
export interface Token {
  /** CRC-32 of the name as it lies in the directory. */
  readonly nameCrc: number;
  /** Bytes. */
  readonly nameLength: number;
  /** 32 hexadecimal digits. */
  readonly checkpoint: string;
}

export function tokenOf(nameBytes: Uint8Array, checkpoint: string): Token {
  return { nameCrc: crc32(nameBytes), nameLength: nameBytes.length, checkpoint };
}

/** What a name has to share with another one for a token to be of both. */
export function tokenKey({ nameCrc, nameLength }: Omit<Token, 'checkpoint'>): string {
  return `${nameCrc}:${nameLength}`;
}

/** A slot that holds no token has a name of 0 bytes, which no bitmap has. */
export function encodeTokens(tokens: readonly Token[], slots: number): Uint8Array {
  const bytes = new Uint8Array(slots * TOKEN_SIZE);
  for (const [i, token] of tokens.slice(0, slots).entries()) {
    const { nameCrc, nameLength } = token;
    const checkpoint = new Uint8Array(Buffer.from(token.checkpoint, 'hex'));
    ControlToken.encode({ nameCrc, nameLength, reserved: null, checkpoint }, bytes, i * TOKEN_SIZE);
  }
  return bytes;
}

/** @throws IMAGE_CORRUPT */
export function decodeTokens(bytes: Uint8Array): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < bytes.length; at += TOKEN_SIZE) {
    const { nameCrc, nameLength, checkpoint } = ControlToken.decode(bytes, at);
    if (nameLength === 0) continue;
    tokens.push({ nameCrc, nameLength, checkpoint: Buffer.from(checkpoint).toString('hex') });
  }
  return tokens;
}
