import type { BlockGraph } from '@tidemark/graph';
import type { NbdAddress } from '@tidemark/nbd';
import { hostInUrl } from '@tidemark/unix-socket';

/** What is served, where: for people. */
export function describeService(graph: BlockGraph, monitors: readonly string[]): string {
  const names = graph.nodes.list().flatMap(({ name, isInline }) => (isInline ? [] : [name]));
  const { address } = graph.nbd;
  const nbd = address === undefined ? [] : [`NBD on ${addressText(address)}`];
  const control = monitors.map((path) => `QMP on unix:${path}`);
  const served = names.length === 0 ? 'nothing yet' : names.join(', ');
  return [`serving ${served}`, ...nbd, ...control].join('; ');
}

/** As people and clients of HTTP are told it. */
export function addressText(address: NbdAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return `${hostInUrl(host)}:${port}`;
}
