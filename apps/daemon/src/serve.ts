import type { BlockGraph } from '@tidemark/graph';
import { packageVersion } from '@tidemark/program';
import { parseExportOptions, parseNodeOptions, QmpServer, type QmpTarget } from '@tidemark/qmp';
import type { ServedDrive } from './compose.ts';
import type { DaemonOptions } from './options/parse-options.ts';
import type { Step } from './options/steps.ts';
import { qmpTarget } from './qmp-target.ts';

export interface ServeOptions {
  readonly graph: BlockGraph;
  readonly log: (message: string) => void;
  /** Called when a client asks the program to end. */
  readonly quit: () => void;
}

/** What QMP clients talk to. */
export interface Monitors {
  /** Takes no more commands, and answers those under way. */
  close(): Promise<void>;
}

/**
 * Does what the options ask for, in order; the drives record already. NBD clients are let in where
 * `--nbd-server` stands. @throws as the graph and the servers do; what was begun is to be closed
 */
export async function serveSteps(
  options: DaemonOptions,
  drives: readonly ServedDrive[],
  { graph, log, quit }: ServeOptions,
): Promise<Monitors> {
  const target = qmpTarget({ graph, objects: options.objects, log, quit });
  const monitors: QmpServer[] = [];
  const close = async () => {
    for (const monitor of monitors) await monitor.close();
  };
  try {
    for (const step of options.steps) {
      if (step.kind === 'monitor') monitors.push(await listen(step.path, target));
      else await take(step, options, drives, graph);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

async function listen(path: string, target: QmpTarget): Promise<QmpServer> {
  const server = new QmpServer({
    target,
    product: `tidemark ${packageVersion(import.meta.url)}`,
  });
  await server.listen(path);
  return server;
}

async function take(
  step: Exclude<Step, { kind: 'monitor' }>,
  { nbdServer }: DaemonOptions,
  drives: readonly ServedDrive[],
  graph: BlockGraph,
): Promise<void> {
  switch (step.kind) {
    case 'blockdev':
      await graph.addNode(parseNodeOptions(step.options));
      return;
    case 'export':
      await graph.exports.add(parseExportOptions(step.options));
      return;
    default:
      await graph.nbd.start(nbdServer!);
      for (const { id, planned } of drives) {
        if (planned.option.exported) await graph.exports.addWhole(graph.nodes.get(id)!);
      }
  }
}
