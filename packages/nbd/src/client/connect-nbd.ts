import { BASE_ALLOCATION } from '../protocol/context-names.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../protocol/limits.ts';
import { ClientTls, type NbdClientTls } from '../tls/client-tls.ts';
import { type NbdUri, parseNbdUri } from '../uri/parse-nbd-uri.ts';
import { Connection } from './connection.ts';
import { connectionLost, located } from './faults.ts';
import { Link, type Opened } from './link/link.ts';
import { checkContexts } from './negotiate/contexts.ts';
import { negotiate, type Wishes } from './negotiate/negotiate.ts';
import { NbdDevice } from './nbd-device.ts';
import { Transport } from './transport.ts';

/** How `connectNbd` connects, and what it does where a connection is lost. */
export interface NbdConnectOptions {
  /**
   * Metadata contexts to ask for besides `base:allocation`, for example
   * `qemu:dirty-bitmap:nightly`. Those that the server has none of are left out of
   * `NbdDevice.contexts`.
   */
  readonly contexts?: readonly string[];
  /** Default: what the URI says. */
  readonly tls?: NbdClientTls;
  /** Milliseconds until the export is open, and that a server gets to hang up. Default 10000. */
  readonly timeout?: number;
  /**
   * Milliseconds without a word of the server after which a close gives it up and fails. More than
   * any flush should take. Default 60000.
   */
  readonly closeTimeout?: number;
  /**
   * Milliseconds to try for a new connection where one is lost, before calls fail. Requests are sent
   * again then, and so are writes that were not flushed. Not for an export that other clients write
   * too. Default 0: a connection that is lost stays lost.
   */
  readonly reconnect?: number;
  /** Told of lost and new connections. Default: nobody. */
  readonly onNotice?: (message: string) => void;
}

const CLOSE_TIMEOUT_MS = 60_000;

// A timer of Node's that is set to more ends at once.
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Connects to an export of an NBD server: `nbd://HOST[:PORT]/EXPORT`, or
 * `nbd+unix:///EXPORT?socket=PATH`; with TLS `nbds://` and `nbds+unix://`, see `parseNbdUri`.
 *
 * @throws USAGE: not an NBD URI; FILE_NOT_FOUND: no such export; PERMISSION_DENIED;
 * DEVICE_UNSUPPORTED: it has no TLS, wants TLS, or speaks an older protocol; CONNECTION_LOST:
 * nothing listens, or it did not answer in time; PROTOCOL_ERROR: what listens does not speak NBD
 */
export async function connectNbd(uri: string, options: NbdConnectOptions = {}): Promise<NbdDevice> {
  const { contexts = [], reconnect = 0, onNotice = () => {} } = options;
  const parsed = parseNbdUri(uri);
  const label = `nbd drive '${uri}'`;
  const queries = checkContexts([BASE_ALLOCATION, ...contexts]);
  const credentials = options.tls ?? parsed.tls;
  const tls = credentials && (await ClientTls.load(credentials));
  const timeout = Math.min(options.timeout ?? HANDSHAKE_TIMEOUT_MS, LONGEST_TIMER);
  const wishes = { exportName: parsed.exportName, contexts: queries, ...(tls && { tls }) };
  const open = () => openConnection(parsed, wishes, { label, timeout });
  const silence = Math.min(options.closeTimeout ?? CLOSE_TIMEOUT_MS, LONGEST_TIMER);
  const first = await open();
  const link = new Link(first, { label, open, reconnect, onNotice });
  return new NbdDevice({ label, session: first.session, link, timeout, silence });
}

async function openConnection(
  { address }: NbdUri,
  wishes: Wishes,
  { label, timeout }: { readonly label: string; readonly timeout: number },
): Promise<Opened> {
  const transport = Transport.open(address);
  const timer = setTimeout(() => {
    transport.destroy(connectionLost(`the server did not answer in ${timeout / 1000} s`));
  }, timeout);
  try {
    const session = await negotiate(transport, wishes);
    return { session, connection: new Connection(transport, { ...session, label }) };
  } catch (error) {
    const failure = located(error, label);
    transport.destroy(failure);
    throw failure;
  } finally {
    clearTimeout(timer);
  }
}
