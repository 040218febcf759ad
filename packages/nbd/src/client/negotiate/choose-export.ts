import { type ErrorCode, TidemarkError } from '@tidemark/core';
import {
  EXPORT_NAME_ZEROES,
  ExportNameReply,
  InfoExport,
  InfoType,
  OldStyleExport,
  Option,
  OptionReplyType,
} from '../../protocol/handshake.ts';
import { ExportFlag } from '../../protocol/transmission.ts';
import { protocolError } from '../faults.ts';
import type { Transport } from '../transport.ts';
import { ANY_BLOCK_SIZE, type BlockSize, decodeBlockSize } from './block-size.ts';
import { type Answer, askOption, type Refusal, sendOption } from './option-wire.ts';
import { lengthAndText, u16Bytes } from './payload.ts';

/** An export as the server describes it. */
export interface ExportInfo {
  /** Bytes. */
  readonly size: number;
  /** Of `ExportFlag`. */
  readonly flags: number;
  readonly blockSize: BlockSize;
}

/**
 * Option GO. Undefined: the server does not know it.
 * @throws FILE_NOT_FOUND: no such export; PERMISSION_DENIED, DEVICE_UNSUPPORTED, PROTOCOL_ERROR,
 * CONNECTION_LOST
 */
export async function goToExport(
  transport: Transport,
  name: string,
): Promise<ExportInfo | undefined> {
  const request = [lengthAndText(name), u16Bytes(1), u16Bytes(InfoType.BLOCK_SIZE)];
  const answer = await askOption(transport, Option.GO, Buffer.concat(request));
  if (answer.refusal?.type === OptionReplyType.UNSUP) return undefined;
  if (answer.refusal !== undefined) throw refusalError(answer.refusal, name);
  return exportInfo(answer);
}

/** Option EXPORT_NAME: a server that has no such export just hangs up. */
export async function enterExport(
  transport: Transport,
  name: string,
  { withZeroes }: { readonly withZeroes: boolean },
): Promise<ExportInfo> {
  await sendOption(transport, Option.EXPORT_NAME, new TextEncoder().encode(name));
  const { reader } = transport;
  const { size, flags } = ExportNameReply.decode(await reader.take(ExportNameReply.size));
  if (withZeroes) await reader.skip(EXPORT_NAME_ZEROES);
  return describe(size, flags, ANY_BLOCK_SIZE);
}

/** Old style: the server has one export, which has no name, and does not ask. */
export async function takeOnlyExport({ reader }: Transport, name: string): Promise<ExportInfo> {
  if (name !== '') {
    const why = 'has one export, without a name, and does not negotiate (old style)';
    const text = `export '${name}' was not opened: the server ${why}`;
    throw new TidemarkError('FILE_NOT_FOUND', text, { hint: 'leave the name out' });
  }
  const { size, flags } = OldStyleExport.decode(await reader.take(OldStyleExport.size));
  await reader.skip(EXPORT_NAME_ZEROES);
  return describe(size, flags, ANY_BLOCK_SIZE);
}

function exportInfo(answer: Answer): ExportInfo {
  const { size, flags, blockSize = ANY_BLOCK_SIZE } = readInfo(answer);
  return describe(size, flags, blockSize);
}

/** What the answer to INFO or GO says of an export. */
export interface InfoRead {
  readonly size: bigint;
  /** Of `ExportFlag`. */
  readonly flags: number;
  readonly blockSize?: BlockSize;
  readonly description?: string;
}

/** @throws PROTOCOL_ERROR */
export function readInfo({ replies }: Answer): InfoRead {
  let found: { readonly size: bigint; readonly flags: number } | undefined;
  let blockSize: BlockSize | undefined;
  let description: string | undefined;
  for (const { type, payload } of replies) {
    if (type !== OptionReplyType.INFO || payload.length < 2) {
      throw protocolError(`a reply of type ${type} and ${payload.length} bytes to INFO or GO`);
    }
    const kind = payload[0]! * 256 + payload[1]!;
    if (kind === InfoType.BLOCK_SIZE) blockSize = decodeBlockSize(payload);
    if (kind === InfoType.DESCRIPTION) description = new TextDecoder().decode(payload.subarray(2));
    if (kind !== InfoType.EXPORT) continue;
    if (payload.length !== InfoExport.size) {
      throw protocolError(`an export is described by ${payload.length} bytes`);
    }
    found = InfoExport.decode(payload);
  }
  if (found === undefined) throw protocolError('the export was named, but not described');
  return {
    ...found,
    ...(blockSize !== undefined && { blockSize }),
    ...(description !== undefined && { description }),
  };
}

function describe(size: bigint, flags: number, blockSize: BlockSize): ExportInfo {
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    const text = `the export has ${size} bytes, and disks of 2^53 bytes or more are not supported`;
    throw new TidemarkError('DEVICE_UNSUPPORTED', text, {
      hint: 'let the server offer a part of it: nbdkit --filter=offset, qemu-nbd --image-opts with size=',
    });
  }
  const bytes = Number(size);
  if (bytes % blockSize.minimum !== 0) {
    throw new TidemarkError(
      'DEVICE_UNSUPPORTED',
      `its ${bytes} bytes are not a multiple of its blocks of ${blockSize.minimum} bytes`,
      { hint: 'let the server round the size up, or use smaller blocks' },
    );
  }
  return { size: bytes, flags: (flags & ExportFlag.HAS_FLAGS) === 0 ? 0 : flags, blockSize };
}

interface Meaning {
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint?: string;
}

const REFUSALS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [
    OptionReplyType.UNKNOWN,
    { code: 'FILE_NOT_FOUND', why: 'has no such export', hint: 'list what it has: nbdinfo --list' },
  ],
  [OptionReplyType.POLICY, { code: 'PERMISSION_DENIED', why: 'does not allow it' }],
  [
    OptionReplyType.TLS_REQD,
    {
      code: 'DEVICE_UNSUPPORTED',
      why: 'wants TLS',
      hint: 'use nbds:// or nbds+unix://',
    },
  ],
  [OptionReplyType.PLATFORM, { code: 'DEVICE_UNSUPPORTED', why: 'cannot do it where it runs' }],
  [OptionReplyType.SHUTDOWN, { code: 'CONNECTION_LOST', why: 'is shutting down' }],
]);

export function refusalError({ type, text }: Refusal, name: string): TidemarkError {
  const { code, why, hint } = REFUSALS.get(type) ?? {
    code: 'PROTOCOL_ERROR',
    why: `refused it with error ${type - 2 ** 31}`,
  };
  const words = text === '' ? '' : `: ${text}`;
  const message = `export '${name}' was not opened: the server ${why}${words}`;
  return new TidemarkError(code, message, hint === undefined ? {} : { hint });
}
