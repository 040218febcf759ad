import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { type ByteRange, parseRange } from './byte-range.ts';
import { forbidden, HttpError } from './http-error.ts';
import { dirtyExtents, zeroExtents } from './image-extents.ts';
import { parseTarget, type Target } from './parse-target.ts';
import { sendJsonList } from './send-json-list.ts';
import { sendRange } from './send-range.ts';
import type { Ticket, TicketSource } from './ticket.ts';

/** As imageio tells its clients: connections that read one image at a time with profit. */
const MAX_READERS = 8;
const READS = 'OPTIONS,GET,HEAD';
const WRITES = new Set(['PUT', 'PATCH', 'POST', 'DELETE']);

export interface AnswerOptions {
  readonly tickets: TicketSource;
  /** Path of a unix socket where clients of this machine find the same. */
  readonly unixSocket?: string | undefined;
}

interface Exchange extends Target {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ticket: Ticket;
}

/** @throws HttpError, and what reading throws; nothing was sent then, unless headers were */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
): Promise<void> {
  const target = parseTarget(request.url ?? '');
  const method = request.method ?? '';
  // So that a browser that has what it wants leaves.
  if (target.query.get('close') === 'y') response.setHeader('connection', 'close');
  if (method === 'OPTIONS' && target.resource === 'image' && target.id === '*') {
    sendOptions(response, { ...about(options), features: ['extents'] });
    return;
  }
  const ticket = await validTicket(options.tickets, target.id);
  const exchange = { ...target, request, response, ticket };
  if (WRITES.has(method)) throw forbidden('this ticket is for reading');
  if (method === 'OPTIONS' && target.resource === 'image') tellOptions(exchange, options);
  else if (method !== 'GET' && method !== 'HEAD') throw notAllowed(method, target);
  else if (target.resource === 'image') await sendImage(exchange);
  else await sendExtents(exchange);
}

async function validTicket(tickets: TicketSource, id: string): Promise<Ticket> {
  const ticket = await tickets.find(id);
  // One answer for all three: who tries ids learns nothing.
  const isOver = (ticket?.expires ?? Infinity) <= Date.now() || ticket?.signal?.aborted === true;
  if (ticket === undefined || isOver) throw forbidden('there is no such ticket, or no more');
  return ticket;
}

function about({ unixSocket }: AnswerOptions): object {
  return unixSocket === undefined ? {} : { unix_socket: unixSocket };
}

function tellOptions({ response, ticket }: Exchange, options: AnswerOptions): void {
  sendOptions(response, {
    ...about(options),
    features: ['extents'],
    max_readers: MAX_READERS,
    max_writers: 1,
    transfer_format: 'raw',
    virtual_size: ticket.device.size,
  });
}

function sendOptions(response: ServerResponse, options: object): void {
  const body = `${JSON.stringify(options)}\n`;
  response.setHeader('allow', READS);
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

function notAllowed(method: string, { resource }: Target): HttpError {
  const allow = resource === 'image' ? READS : 'GET,HEAD';
  return new HttpError(405, `'${method}' is not for this`, { allow });
}

async function sendImage({ request, response, ticket }: Exchange): Promise<void> {
  const { device, filename, signal } = ticket;
  const { size } = device;
  const { range: asked } = request.headers;
  const range: ByteRange =
    asked === undefined ? { offset: 0, length: size } : parseRange(asked, size);
  const set = (name: string, value: string | number) => response.setHeader(name, value);
  const send = async () => {
    if (request.method === 'HEAD' || range.length === 0) response.end();
    else await sendRange(response, device, range, signal);
  };
  set('accept-ranges', 'bytes');
  set('content-type', 'application/octet-stream');
  set('content-length', range.length);
  set('content-disposition', dispositionOf(filename));
  if (asked !== undefined) {
    response.statusCode = 206;
    set('content-range', `bytes ${range.offset}-${range.offset + range.length - 1}/${size}`);
  }
  await send();
}

/** RFC 6266, section 4.3. */
function dispositionOf(filename: string | undefined): string {
  if (filename === undefined) return 'attachment';
  return `attachment; filename*=UTF-8''${encodeURIComponent(filename).replace(/['()*]/g, escaped)}`;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

async function sendExtents({ request, response, ticket, query }: Exchange): Promise<void> {
  const context = query.get('context') ?? 'zero';
  if (context !== 'zero' && context !== 'dirty') {
    throw new HttpError(400, `the context '${context}' is neither zero nor dirty`);
  }
  const { device, signal } = ticket;
  const extents =
    context === 'zero' ? zeroExtents(device) : dirtyExtents(device, await dirtyBitsOf(ticket));
  if (request.method !== 'HEAD') return sendJsonList(response, extents, signal);
  response.setHeader('content-type', 'application/json');
  response.end();
}

/** Those of this instant. @throws HttpError 404: what is clean is not known, so a backup is to be full */
async function dirtyBitsOf({ bitmap, device }: Ticket): Promise<DirtyBitmap> {
  if (bitmap === undefined) throw new HttpError(404, 'this ticket has no dirty extents');
  let bits: DirtyBitmap;
  try {
    bits = (await bitmap()).clone();
  } catch (error) {
    if (!isTidemarkError(error) || !error.code.startsWith('BITMAP_')) throw error;
    throw new HttpError(404, `there are no dirty extents: ${error.message}`);
  }
  if (bits.diskSize === device.size) return bits;
  throw new HttpError(
    404,
    `there are no dirty extents: the bitmap is of another size than the image`,
  );
}
