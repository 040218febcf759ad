import { TidemarkError } from '@tidemark/core';
import { InfoType, MetaContextReply, Option, OptionReplyType } from '../protocol/handshake.ts';
import { HANDSHAKE_TIMEOUT_MS, MAX_STRING_BYTES } from '../protocol/limits.ts';
import type { NbdAddress } from '../server/listen.ts';
import { ClientTls, type NbdClientTls } from '../tls/client-tls.ts';
import { connectionLost, located, protocolError } from './faults.ts';
import { type InfoRead, readInfo, refusalError } from './negotiate/choose-export.ts';
import { greet, startTls } from './negotiate/negotiate.ts';
import { askOption } from './negotiate/option-wire.ts';
import { lengthAndText, u16Bytes, u32Bytes } from './negotiate/payload.ts';
import { Transport } from './transport.ts';

/** Of `listNbdExports`. */
export interface ListNbdExportsOptions {
  readonly tls?: NbdClientTls;
  /** Milliseconds for all of it. Default 10000. */
  readonly timeout?: number;
}

/** An export as a server lists it. */
export interface ListedNbdExport extends InfoRead {
  readonly name: string;
  /** Metadata contexts that it offers. */
  readonly contexts: readonly string[];
}

/** Servers that have more are none that a list helps with. */
const MAX_EXPORTS = 10_000;

/**
 * Asks a server which exports it has, and what they are. What it says of itself comes after the
 * newest that QEMU 7.2 asks for: structured replies, no extended headers.
 * @throws as `connectNbd`; PERMISSION_DENIED, DEVICE_UNSUPPORTED: it does not tell
 */
export async function listNbdExports(
  address: NbdAddress,
  options: ListNbdExportsOptions = {},
): Promise<readonly ListedNbdExport[]> {
  const { timeout = HANDSHAKE_TIMEOUT_MS } = options;
  const tls = options.tls && (await ClientTls.load(options.tls));
  const transport = Transport.open(address);
  const timer = setTimeout(() => {
    transport.destroy(connectionLost(`the server did not answer in ${timeout / 1000} s`));
  }, timeout);
  try {
    return await ask(transport, tls);
  } catch (error) {
    throw located(error, 'nbd server');
  } finally {
    clearTimeout(timer);
    transport.destroy(connectionLost('the list is complete'));
  }
}

async function ask(
  transport: Transport,
  tls: ClientTls | undefined,
): Promise<readonly ListedNbdExport[]> {
  const { isFixed } = await greet(transport);
  if (!isFixed) {
    const hint = 'use a newer server';
    throw new TidemarkError('DEVICE_UNSUPPORTED', 'the server is too old to list exports', {
      hint,
    });
  }
  if (tls !== undefined) await startTls(transport, tls);
  const hasChunks = (await askOption(transport, Option.STRUCTURED_REPLY)).refusal === undefined;
  const exports: ListedNbdExport[] = [];
  for (const { name, description } of await listNames(transport)) {
    const info = await askInfo(transport, name);
    const contexts = hasChunks ? await listContexts(transport, name) : [];
    exports.push({ ...(description !== '' && { description }), ...info, name, contexts });
  }
  await askOption(transport, Option.ABORT).catch(() => {});
  return exports;
}

async function listNames(transport: Transport) {
  const { replies, refusal } = await askOption(transport, Option.LIST);
  if (refusal !== undefined) throw refusalError(refusal, '');
  if (replies.length > MAX_EXPORTS) throw protocolError(`a list of ${replies.length} exports`);
  return replies.map(({ type, payload }) => {
    const bytes = Buffer.from(payload);
    const length = bytes.length < 4 ? Infinity : bytes.readUInt32BE();
    if (type !== OptionReplyType.SERVER || length > Math.min(bytes.length - 4, MAX_STRING_BYTES)) {
      throw protocolError(`a reply of type ${type} and ${bytes.length} bytes to LIST`);
    }
    const name = bytes.subarray(4, 4 + length).toString();
    return { name, description: bytes.subarray(4 + length).toString() };
  });
}

async function askInfo(transport: Transport, name: string): Promise<InfoRead> {
  const kinds = [InfoType.NAME, InfoType.DESCRIPTION, InfoType.BLOCK_SIZE];
  const request = [lengthAndText(name), u16Bytes(kinds.length), ...kinds.map(u16Bytes)];
  const answer = await askOption(transport, Option.INFO, Buffer.concat(request));
  if (answer.refusal !== undefined) throw refusalError(answer.refusal, name);
  return readInfo(answer);
}

async function listContexts(transport: Transport, name: string): Promise<readonly string[]> {
  const request = Buffer.concat([lengthAndText(name), u32Bytes(0)]);
  const { replies, refusal } = await askOption(transport, Option.LIST_META_CONTEXT, request);
  if (refusal !== undefined) return [];
  return replies.map(({ type, payload }) => {
    if (type !== OptionReplyType.META_CONTEXT || payload.length < MetaContextReply.size) {
      throw protocolError(
        `a reply of type ${type} and ${payload.length} bytes to LIST_META_CONTEXT`,
      );
    }
    return Buffer.from(payload).subarray(MetaContextReply.size).toString();
  });
}
