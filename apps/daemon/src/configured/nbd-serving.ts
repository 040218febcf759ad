import { type NbdServing } from '@tidemark/graph';
import { globMatcher } from '@tidemark/program';
import type { ListenConfig, NbdConfig } from '../config/serving-schema.ts';

/** QEMU's 0: as many as come. */
const ANY_NUMBER = 2 ** 31 - 1;

/** The configured NBD server as the graph starts it. */
export function nbdServing(nbd: NbdConfig): NbdServing {
  const { 'max-connections': clients, 'max-requests': requests, 'max-bytes': bytes } = nbd;
  const { 'handshake-seconds': seconds, exposed = false } = nbd;
  return {
    address: socketAddress(nbd.listen),
    tls: tlsOf(nbd.tls),
    exposed: exposed || nbd.tls !== undefined,
    limits: {
      ...(clients !== undefined && { clients: clients === 0 ? ANY_NUMBER : clients }),
      ...(requests !== undefined && { requests }),
      ...(bytes !== undefined && { bytes }),
      ...(seconds !== undefined && { handshake: seconds * 1000 }),
    },
  };
}

function socketAddress(listen: ListenConfig): NbdServing['address'] {
  if (!('unix' in listen)) return { type: 'inet', ...listen };
  const { unix: path, mode } = listen;
  return { type: 'unix', path, ...(mode !== undefined && { mode }) };
}

function tlsOf(tls: NbdConfig['tls']): NbdServing['tls'] {
  if (tls === undefined) return undefined;
  const { type, dir, allow, 'verify-peer': verifyPeer = true } = tls;
  const matchers = allow?.map((name) => {
    return typeof name === 'string' ? (other: string) => other === name : globMatcher(name.glob);
  });
  const allows = matchers && ((name: string) => matchers.some((matches) => matches(name)));
  return { type, dir, verifyPeer, ...(allows && { allows }) };
}
