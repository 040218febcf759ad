import * as v from 'valibot';
import { type Command, command } from '../command.ts';
import { QmpError } from '../errors.ts';
import { members } from '../schema.ts';
import type { QmpNbdServer, QmpTarget } from '../target.ts';
import { ExportOptions, NbdServerAdd, NbdServerStart, RemoveMode } from './export-schema.ts';

/** QEMU's. */
const MAX_CONNECTIONS = 100;

/** The NBD server and what it offers. */
export const exportCommands: Readonly<Record<string, Command>> = {
  'nbd-server-start': command(NbdServerStart, async ({ target }, args) => {
    await target.block.startNbd({
      address: addressOf(args.addr),
      maxConnections: args['max-connections'] ?? MAX_CONNECTIONS,
      ...(args['tls-creds'] !== undefined && { tlsCreds: args['tls-creds'] }),
      ...(args['tls-authz'] !== undefined && { tlsAuthz: args['tls-authz'] }),
    });
    return {};
  }),
  'nbd-server-stop': command(members({}), async ({ target }) => {
    await target.block.stopNbd();
    return {};
  }),
  'nbd-server-add': command(NbdServerAdd, async ({ target }, args) => {
    await addByDevice(target, args);
    return {};
  }),
  'nbd-server-remove': command(
    members({ name: v.string(), mode: v.exactOptional(RemoveMode, 'safe') }),
    async ({ target }, { name, mode }) => {
      await target.block.removeExport(name, mode);
      return {};
    },
  ),
  'block-export-add': command(ExportOptions, async ({ target }, { iothread, ...options }) => {
    if (iothread !== undefined) throw refusal(`iothread "${iothread}" not found`);
    await target.block.addExport(options);
    return {};
  }),
  'block-export-del': command(
    members({ id: v.string(), mode: v.exactOptional(RemoveMode, 'safe') }),
    async ({ target }, { id, mode }) => {
      await target.block.removeExport(id, mode);
      return {};
    },
  ),
  'query-block-exports': command(members({}), ({ target }) =>
    target.block.listExports().map(({ id, type, node, shuttingDown }) => ({
      'node-name': node,
      'shutting-down': shuttingDown,
      type,
      id,
    })),
  ),
};

function addressOf(addr: v.InferOutput<typeof NbdServerStart>['addr']): QmpNbdServer['address'] {
  if (addr.type === 'unix') return { type: 'unix', path: addr.data.path };
  const { host, port } = addr.data;
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) {
    return { type: 'inet', host, port: Number(port) };
  }
  const why = 'Servname not supported for ai_socktype';
  throw refusal(`address resolution failed for ${host}:${port}: ${why}`);
}

/** An older command: read-only where the node is, whatever was asked for. */
async function addByDevice(
  target: QmpTarget,
  {
    device,
    name = device,
    description,
    writable = false,
    bitmap,
  }: v.InferOutput<typeof NbdServerAdd>,
): Promise<void> {
  const node = target.nodes().get(device);
  if (node === undefined) {
    throw refusal(`Cannot find device='${device}' nor node-name='${device}'`);
  }
  const { readOnly } = await node.blockInfo();
  await target.block.addExport({
    id: name,
    'node-name': device,
    name,
    writable: writable && !readOnly,
    ...(description !== undefined && { description }),
    ...(bitmap !== undefined && { bitmaps: [bitmap] }),
  });
}

function refusal(desc: string): QmpError {
  return new QmpError('GenericError', desc);
}
