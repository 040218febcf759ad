import { Command, CommandFlag } from '../../protocol/transmission.ts';
import type { Session } from '../handshake/negotiation.ts';
import { type NbdRequest, tooLong } from './request.ts';

const COMMAND_NAMES = [
  'read',
  'write',
  'disconnect',
  'flush',
  'trim',
  'cache',
  'write zeroes',
  'block status',
] as const;

const CHANGES: ReadonlySet<number> = new Set([Command.WRITE, Command.TRIM, Command.WRITE_ZEROES]);
const DATA: ReadonlySet<number> = new Set([Command.READ, Command.WRITE, Command.CACHE]);

/**
 * What is wrong with a request, in QEMU's words and QEMU's order; undefined for nothing. All of it
 * is EINVAL on the wire.
 */
export function findFault(request: NbdRequest, session: Session): string | undefined {
  const { type, offset, length, flags } = request;
  const { size, exported, smallestBlock } = session;
  if (request.fatal !== undefined) return request.fatal;
  const { maximum } = exported.blockSize;
  if (DATA.has(type) && length > maximum) return tooLong(length, maximum);
  if (CHANGES.has(type) && exported.isReadOnly) return 'Export is read-only';
  if (offset > size || length > size - offset) {
    return `operation past EOF; From: ${exactOffset(request)}, Len: ${length}, Size: ${size}`;
  }
  if ((flags & ~possibleFlags(type, session)) !== 0) {
    const command = COMMAND_NAMES[type] ?? '<unknown>';
    return `unsupported flags for command ${command} (got 0x${flags.toString(16)})`;
  }
  if (COMMAND_NAMES[type] === undefined) return `invalid request type (${type}) received`;
  if (smallestBlock > 1 && (offset % smallestBlock !== 0 || length % smallestBlock !== 0)) {
    return `not whole blocks of ${smallestBlock} bytes; From: ${offset}, Len: ${length}`;
  }
  return type === Command.BLOCK_STATUS ? statusFault(request, session) : undefined;
}

function statusFault(request: NbdRequest, { contexts }: Session): string | undefined {
  if (request.fault !== undefined) return request.fault;
  if (request.length === 0) return 'need non-zero length';
  if (contexts.length === 0) return 'CMD_BLOCK_STATUS not negotiated';
  const unknown = request.contextIds?.find((id) => !contexts.some((context) => context.id === id));
  return unknown === undefined ? undefined : `context ${unknown} is not negotiated`;
}

/** FUA goes with each command, whether it means something there or not. */
function possibleFlags(type: number, { isStructured, isExtended, contexts }: Session): number {
  const { FUA, DF, NO_HOLE, FAST_ZERO, REQ_ONE, PAYLOAD_LEN } = CommandFlag;
  if (type === Command.READ && isStructured) return FUA | DF;
  if (type === Command.WRITE && isExtended) return FUA | PAYLOAD_LEN;
  if (type === Command.WRITE_ZEROES) return FUA | NO_HOLE | FAST_ZERO;
  if (type !== Command.BLOCK_STATUS) return FUA;
  return isExtended && contexts.length > 0 ? FUA | REQ_ONE | PAYLOAD_LEN : FUA | REQ_ONE;
}

function exactOffset({ offsetHigh, offsetLow }: NbdRequest): bigint {
  return (BigInt(offsetHigh) << 32n) | BigInt(offsetLow);
}
