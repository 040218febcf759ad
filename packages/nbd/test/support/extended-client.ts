import { RawClient } from './raw-client.ts';
import { infoPayload, metaPayload, OPTION, option, u32 } from './wire.ts';

/** Bytes as hex, spaces and `# ...` to the end of a line left out. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/#.*$/gm, '').replaceAll(/\s+/g, ''), 'hex');
}

/** Option 11, EXTENDED_HEADERS. */
export const EXTENDED_HEADERS = 11;

/** A client past the handshake, with extended headers. It says bytes and takes bytes. */
export async function enterExtended(
  connect: () => Promise<RawClient>,
  contexts: readonly string[] = [],
): Promise<RawClient> {
  const client = await connect();
  client.send(u32(3), option(EXTENDED_HEADERS));
  await client.take(20);
  if (contexts.length > 0) {
    await client.option(OPTION.SET_META_CONTEXT, metaPayload('exp', ...contexts));
  }
  await client.option(OPTION.GO, infoPayload('exp'));
  return client;
}
