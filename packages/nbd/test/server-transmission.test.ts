import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import {
  Command,
  CommandFlag,
  EXTENDED_REQUEST_MAGIC,
  ExtendedRequest,
  Request,
  REQUEST_MAGIC,
} from '../src/protocol/transmission.ts';
import { BufferPool } from '../src/server/buffer-pool.ts';
import { Inbox } from '../src/server/inbox.ts';
import { completeLimits } from '../src/server/limits.ts';
import { ServedExport } from '../src/server/served-export.ts';
import { RequestReader } from '../src/server/transmission/request.ts';
import { Transmission } from '../src/server/transmission/transmission.ts';

/** As many as one read of a socket brings. */
const READS = Math.floor(65_536 / Request.size);

function manyReads(): Buffer {
  const bytes = Buffer.alloc(READS * Request.size);
  for (let at = 0; at < bytes.length; at += Request.size) {
    bytes.writeUInt32BE(REQUEST_MAGIC, at + Request.offsetOf.magic);
    bytes.writeUInt16BE(Command.READ, at + Request.offsetOf.type);
    bytes.writeUInt32BE(512, at + Request.offsetOf.length);
  }
  return bytes;
}

class CountingDevice extends MemoryDevice {
  reads = 0;

  override readNow(target: Uint8Array, offset: number): boolean {
    this.reads += 1;
    return super.readNow(target, offset);
  }
}

it('serves what a client has sent who is gone by now, however much of it is left', async () => {
  const socket = new Duplex({ read() {} }) as unknown as Socket;
  const pool = new BufferPool();
  const inbox = new Inbox(socket, pool);
  const device = new CountingDevice({ size: 4096 });
  const exported = new ServedExport({ name: 'exp', device });
  const { size } = device;
  const session = {
    exported,
    size,
    smallestBlock: 1,
    isStructured: false,
    isExtended: false,
    contexts: [],
  };
  socket.emit('data', manyReads());
  socket.destroy();
  // As reads do of which one is all that there is room for.
  const limits = completeLimits({ requests: 1 });
  const log: string[] = [];
  const options = { socket, inbox, pool, session, limits };
  await new Transmission({ ...options, log: (line) => void log.push(line) }).answered;
  expect({ reads: device.reads, log }).toEqual({ reads: READS, log: [] });
});

/** A block status that names contexts 0, 1, 2 and so on. */
function statusOf(contextCount: number): Buffer {
  const payload = 8 + contextCount * 4;
  const bytes = Buffer.alloc(ExtendedRequest.size + payload);
  const at = ExtendedRequest.offsetOf;
  bytes.writeUInt32BE(EXTENDED_REQUEST_MAGIC, at.magic);
  bytes.writeUInt16BE(CommandFlag.PAYLOAD_LEN, at.flags);
  bytes.writeUInt16BE(Command.BLOCK_STATUS, at.type);
  bytes.writeBigUInt64BE(BigInt(payload), at.length);
  for (let id = 0; id < contextCount; id++) {
    bytes.writeUInt32BE(id, ExtendedRequest.size + 8 + id * 4);
  }
  return bytes;
}

it('looks at no more contexts of a block status than were agreed on', () => {
  const socket = new Duplex({ read() {} }) as unknown as Socket;
  const inbox = new Inbox(socket, new BufferPool());
  const contexts = [0, 1].map((id) => ({ id, name: `c${id}` }) as never);
  const reader = new RequestReader(inbox, { isExtended: true, contexts });
  socket.emit('data', statusOf(2));
  expect(reader.next()?.contextIds).toEqual([0, 1]);
  // Room for millions, each of which would cost memory and time.
  socket.emit('data', statusOf(3));
  expect(reader.next()).toMatchObject({ fault: expect.stringContaining('not valid') });
  socket.emit('data', statusOf(2 ** 20));
  expect(reader.next()).not.toHaveProperty('contextIds');
});
