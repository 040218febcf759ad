import * as v from 'valibot';
import { NodeOptions, SocketAddress } from './block/node-schema.ts';
import { type Command, command } from './command.ts';
import { QmpError } from './errors.ts';
import type { JsonObject } from './json/json-value.ts';
import { members, uint32 } from './schema.ts';
import type { QmpHandOver, QmpHandOverAddress } from './target.ts';

/** Seconds. */
const TIMEOUT = 30;

const TLS = { 'tls-creds': v.exactOptional(v.string()) };

export const ExpectArguments = members({
  node: NodeOptions,
  addr: SocketAddress,
  ...TLS,
  'tls-authz': v.exactOptional(v.string()),
});

export const GiveArguments = members({
  node: v.string(),
  to: SocketAddress,
  ...TLS,
  'tls-hostname': v.exactOptional(v.string()),
  timeout: v.exactOptional(uint32),
});

const node = members({ node: v.string() });

/** Drives that go from one daemon to another while they are written. */
export const handOverCommands: Readonly<Record<string, Command>> = {
  'x-tidemark-handover-expect': command(ExpectArguments, async ({ target }, args) => {
    const { addr, 'tls-creds': tlsCreds, 'tls-authz': tlsAuthz } = args;
    const address = await target.handOvers.expect({
      node: args.node,
      address: addressOf(addr),
      ...(tlsCreds !== undefined && { tlsCreds }),
      ...(tlsAuthz !== undefined && { tlsAuthz }),
    });
    return { addr: described(address) };
  }),
  'x-tidemark-handover-start': command(GiveArguments, async ({ target }, args) => {
    const { to, timeout = TIMEOUT, 'tls-creds': tlsCreds, 'tls-hostname': tlsHostname } = args;
    await target.handOvers.give({
      node: args.node,
      to: addressOf(to),
      timeout: timeout * 1000,
      ...(tlsCreds !== undefined && { tlsCreds }),
      ...(tlsHostname !== undefined && { tlsHostname }),
    });
    return {};
  }),
  'x-tidemark-handover-cancel': command(node, async ({ target }, args) => {
    await target.handOvers.cancel(args.node);
    return {};
  }),
  'x-tidemark-handover-resume': command(node, async ({ target }, args) => {
    await target.handOvers.resume(args.node);
    return {};
  }),
  'x-tidemark-query-handovers': command(members({}), ({ target }) =>
    target.handOvers.list().map(describe),
  ),
};

function addressOf(addr: v.InferOutput<typeof SocketAddress>): QmpHandOverAddress {
  if (addr.type === 'unix') return { type: 'unix', path: addr.path };
  const port = Number(addr.port);
  if (/^\d{1,5}$/.test(addr.port) && port <= 65_535) return { type: 'inet', host: addr.host, port };
  throw new QmpError('GenericError', `Parameter 'port' expects a number below 65536`);
}

function described(address: QmpHandOverAddress): JsonObject {
  return address.type === 'unix' ? { ...address } : { ...address, port: String(address.port) };
}

function describe({ reason, ...handOver }: QmpHandOver): JsonObject {
  return { ...handOver, ...(reason !== undefined && { reason }) };
}
