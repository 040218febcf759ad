import { type BlockGraph, type BlockNode, exportNodeBitmaps } from '@tidemark/graph';
import { type ProgramObjects, serverTls } from '@tidemark/program';
import type { QmpBlockLayer, QmpNbdServer, QmpNode, QmpTarget } from '@tidemark/qmp';
import { TidemarkError } from '@tidemark/core';
import { describeNode } from './describe-node.ts';
import { qmpHandOvers } from './qmp-hand-overs.ts';
import { countsOf } from './request-counts.ts';
import { qmpJob } from './qmp-job.ts';
import { Rescans } from './rescans.ts';
import { withTls } from './node-tls.ts';

export interface QmpTargetOptions {
  readonly graph: BlockGraph;
  readonly objects: ProgramObjects;
  readonly log: (message: string) => void;
  readonly quit: () => void;
  /** See `QmpTarget.reload`. */
  readonly reload: (() => Promise<void>) | undefined;
}

/** The graph as QMP clients see it. */
export function qmpTarget({ graph, objects, log, quit, reload }: QmpTargetOptions): QmpTarget {
  const rescanned = async (name: string) => {
    const node = graph.nodes.get(name)!;
    const { filename, isLocal } = node.disk;
    const isRemote = !isLocal && filename.includes('://');
    const path = isLocal || filename.startsWith('nbd') ? filename : undefined;
    return { path, isRemote, tracked: await node.drive() };
  };
  return {
    nodes: () => new Map(graph.nodes.list().map((node) => [node.name, qmpNode(node, graph)])),
    transaction: (actions, options) => graph.transaction(actions, options),
    block: blockLayer(graph, objects),
    listen: (listener) => graph.listen(listener),
    rescans: new Rescans(rescanned, log),
    views: graph.views,
    handOvers: qmpHandOvers(graph, objects),
    quit,
    ...(reload && { reload }),
  };
}

function blockLayer(graph: BlockGraph, objects: ProgramObjects): QmpBlockLayer {
  const { exports, jobs } = graph;
  return {
    addNode: async (options) => graph.addNode(withTls(options, objects)),
    removeNode: (name) => graph.removeNode(name),
    reopenNodes: async (options) =>
      graph.reopenNodes(options.map((each) => withTls(each, objects))),
    startNbd: (server) => graph.nbd.start(servingOf(server, objects)),
    stopNbd: () => exports.stopServer(),
    addExport: (options) => exports.add(options),
    removeExport: (id, mode) => exports.remove(id, mode),
    listExports: () => exports.list(),
    jobs: () => jobs.list().map((job) => qmpJob(job, jobs)),
  };
}

/** QEMU's 0: as many as come. */
const ANY_NUMBER = 2 ** 31 - 1;

function servingOf(
  { address, maxConnections, tlsCreds: creds, tlsAuthz: authz }: QmpNbdServer,
  objects: ProgramObjects,
) {
  if (creds !== undefined && !objects.credentials.has(creds)) {
    throw new TidemarkError('USAGE', `No TLS credentials with id '${creds}'`);
  }
  const tls = serverTls(objects, { creds, authz });
  const clients = maxConnections === 0 ? ANY_NUMBER : maxConnections;
  return { address, tls, limits: { clients: Math.min(clients, ANY_NUMBER) } };
}

function qmpNode(node: BlockNode, { exports }: BlockGraph): QmpNode {
  const drive = () => node.drive();
  return {
    name: node.name,
    blockInfo: () => describeNode(node),
    counts: () => countsOf(exports.list().filter((each) => each.node === node.name)),
    bitmaps: async () => (await node.tracked?.list()) ?? [],
    sha256: async (name) => (await drive()).sha256(name),
    freeze: async (name) => (await drive()).freeze(name),
    release: async (request) => (await drive()).release(request),
    exportBitmaps: (names, path) => exportNodeBitmaps(node, { names, path }),
    resize: (size) => node.resize(size),
  };
}
