import { BASE_ALLOCATION } from '../protocol/context-names.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../protocol/limits.ts';
import { parseNbdUri } from '../uri/parse-nbd-uri.ts';
import { ClientTls } from '../tls/client-tls.ts';
import { Connection } from './connection.ts';
import { connectionLost, located } from './faults.ts';
import { checkContexts } from './negotiate/contexts.ts';
import { negotiate } from './negotiate/negotiate.ts';
import { NbdDevice } from './nbd-device.ts';
import { Transport } from './transport.ts';

export interface NbdConnectOptions {
  /**
   * Metadata contexts to ask for besides `base:allocation`, for example
   * `qemu:dirty-bitmap:nightly`. Those that the server has none of are left out of
   * `NbdDevice.contexts`.
   */
  readonly contexts?: readonly string[];
  /** Milliseconds until the export is open, and that a close waits for the server. Default 10000. */
  readonly timeout?: number;
}

/**
 * Connects to an export of an NBD server: `nbd://HOST[:PORT]/EXPORT`, or
 * `nbd+unix:///EXPORT?socket=PATH`; with TLS `nbds://` and `nbds+unix://`, see `parseNbdUri`. A connection that is lost stays lost: connect again.
 *
 * @throws USAGE: not an NBD URI; FILE_NOT_FOUND: no such export; PERMISSION_DENIED;
 * DEVICE_UNSUPPORTED: it has no TLS, wants TLS, or speaks an older protocol; CONNECTION_LOST: nothing listens, or it
 * did not answer in time; PROTOCOL_ERROR: what listens does not speak NBD
 */
export async function connectNbd(
  uri: string,
  { contexts = [], timeout = HANDSHAKE_TIMEOUT_MS }: NbdConnectOptions = {},
): Promise<NbdDevice> {
  const { address, exportName, tls: secured } = parseNbdUri(uri);
  const label = `nbd drive '${uri}'`;
  const queries = checkContexts([BASE_ALLOCATION, ...contexts]);
  const tls = secured && (await ClientTls.load(secured));
  const wishes = { exportName, contexts: queries, ...(tls && { tls }) };
  // A timer of Node's that is set to more ends at once.
  const limit = Math.min(timeout, 2 ** 31 - 1);
  const transport = Transport.open(address);
  const timer = setTimeout(() => {
    transport.destroy(connectionLost(`the server did not answer in ${limit / 1000} s`));
  }, limit);
  try {
    const session = await negotiate(transport, wishes);
    const connection = new Connection(transport, { ...session, label });
    return new NbdDevice({ label, session, connection, timeout: limit });
  } catch (error) {
    const failure = located(error, label);
    transport.destroy(failure);
    throw failure;
  } finally {
    clearTimeout(timer);
  }
}
