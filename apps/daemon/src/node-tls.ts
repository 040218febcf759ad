import type { NodeOptions } from '@tidemark/graph';
import { clientTls, type ProgramObjects } from '@tidemark/program';
import type { QmpNodeOptions } from '@tidemark/qmp';

type Reference = string | QmpNodeOptions;

/**
 * Options of a node, in which each NBD server that is wanted by TLS has the credentials themselves in
 * place of their id. @throws USAGE: there are none of that id, or they are a server's
 */
export function withTls(options: QmpNodeOptions, objects: ProgramObjects): NodeOptions {
  const inside = (child: Reference) =>
    typeof child === 'string' ? child : withTls(child, objects);
  switch (options.driver) {
    case 'raw':
      return { ...options, file: inside(options.file) };
    case 'qcow2': {
      const { file, backing, 'data-file': data } = options;
      return {
        ...options,
        file: inside(file),
        ...(backing !== undefined && { backing: backing === null ? null : inside(backing) }),
        ...(data !== undefined && { 'data-file': inside(data) }),
      };
    }
    case 'nbd': {
      const { 'tls-creds': creds, 'tls-hostname': named, ...others } = options;
      const { server } = others;
      const hostname = named ?? (server.type === 'inet' ? server.host : 'localhost');
      const tls = clientTls(objects, { creds, hostname });
      return { ...others, ...(tls && { tls }) };
    }
    default:
      return options;
  }
}
