import type { BlockGraph } from '@tidemark/graph';
import { clientTls, type ProgramObjects, serverTls } from '@tidemark/program';
import type { QmpHandOvers } from '@tidemark/qmp';

/** Hand-overs as QMP clients see them. */
export function qmpHandOvers({ handOvers }: BlockGraph, objects: ProgramObjects): QmpHandOvers {
  return {
    expect: ({ node, address, tlsCreds: creds, tlsAuthz: authz }) =>
      handOvers.expect({ options: node, address, tls: serverTls(objects, { creds, authz }) }),
    cancel: (node) => handOvers.cancel(node),
    give: ({ node, to, timeout, tlsCreds: creds, tlsHostname }) => {
      const hostname = tlsHostname ?? (to.type === 'inet' ? to.host : 'localhost');
      const tls = clientTls(objects, { creds, hostname });
      return handOvers.give({ node, to, timeout, tls });
    },
    resume: (node) => handOvers.resume(node),
    list: () => handOvers.list(),
  };
}
