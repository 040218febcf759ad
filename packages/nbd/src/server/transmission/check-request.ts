import { Command, CommandFlag } from '../../protocol/transmission.ts';
import { MAX_REQUEST_BYTES } from '../../protocol/limits.ts';
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
  const { size, exported } = session;
  if (request.fatal !== undefined) return request.fatal;
  if (DATA.has(type) && length > MAX_REQUEST_BYTES) return tooLong(length);
  if (CHANGES.has(type) && exported.isReadOnly) return 'Export is read-only';
  if (offset > size || length > size - offset) {
    return `operation past EOF; From: ${exactOffset(request)}, Len: ${length}, Size: ${size}`;
  }
  if ((flags & ~possibleFlags(type, session.isStructured)) !== 0) {
    const command = COMMAND_NAMES[type] ?? '<unknown>';
    return `unsupported flags for command ${command} (got 0x${flags.toString(16)})`;
  }
  if (COMMAND_NAMES[type] === undefined) return `invalid request type (${type}) received`;
  if (type !== Command.BLOCK_STATUS) return undefined;
  if (length === 0) return 'need non-zero length';
  return session.contexts.length === 0 ? 'CMD_BLOCK_STATUS not negotiated' : undefined;
}

/** FUA goes with each command, whether it means something there or not. */
function possibleFlags(type: number, isStructured: boolean): number {
  if (type === Command.READ && isStructured) return CommandFlag.FUA | CommandFlag.DF;
  if (type === Command.WRITE_ZEROES) return CommandFlag.FUA | CommandFlag.NO_HOLE;
  if (type === Command.BLOCK_STATUS) return CommandFlag.FUA | CommandFlag.REQ_ONE;
  return CommandFlag.FUA;
}

function exactOffset({ offsetHigh, offsetLow }: NbdRequest): bigint {
  return (BigInt(offsetHigh) << 32n) | BigInt(offsetLow);
}
