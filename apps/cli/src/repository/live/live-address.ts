import { stat } from 'node:fs/promises';
import { TidemarkError } from '@tidemark/core';
import { isNbdUri } from '@tidemark/drive';

/** A drive of a running daemon. */
export interface LiveAddress {
  /** Path of its QMP socket. */
  readonly socket: string;
  readonly node: string;
}

/** Of `SOCKET#NODE`, where SOCKET is a socket. Undefined: it is something else. */
async function liveAddress(text: string): Promise<LiveAddress | undefined> {
  const at = text.lastIndexOf('#');
  if (at <= 0 || isNbdUri(text)) return undefined;
  const socket = text.slice(0, at);
  const found = await stat(socket).catch(() => undefined);
  return found?.isSocket() === true ? { socket, node: text.slice(at + 1) } : undefined;
}

/** Those of one daemon, or none. @throws USAGE: a backup of them would not be of one instant */
export async function liveAddresses(
  paths: readonly string[],
): Promise<readonly LiveAddress[] | undefined> {
  const found = await Promise.all(paths.map(async (path) => liveAddress(path)));
  const live = found.flatMap((address) => address ?? []);
  if (live.length === 0) return undefined;
  if (live.length === paths.length && new Set(live.map(({ socket }) => socket)).size === 1) {
    return live;
  }
  const text = 'drives of a running daemon and others have no instant in common';
  throw new TidemarkError('USAGE', text, { hint: 'back them up one by one' });
}
