import type { BlockGraph } from '@tidemark/graph';
import { parseExportOptions, parseNodeOptions } from '@tidemark/qmp';
import type { ServedDrive } from './compose.ts';
import type { Monitors } from './configured/monitors.ts';
import type { DaemonOptions } from './options/parse-options.ts';
import type { Step } from './options/steps.ts';
import { withTls } from './node-tls.ts';

export interface ServeOptions {
  readonly graph: BlockGraph;
  readonly monitors: Monitors;
}

/**
 * Does what the options ask for, in order; the drives record already. NBD clients are let in where
 * `--nbd-server` stands. @throws as the graph and the servers do; what was begun is to be closed
 */
export async function serveSteps(
  options: DaemonOptions,
  drives: readonly ServedDrive[],
  { graph, monitors }: ServeOptions,
): Promise<void> {
  for (const step of options.steps) {
    if (step.kind === 'monitor') await monitors.listen(step.path);
    else await take(step, options, drives, graph);
  }
}

async function take(
  step: Exclude<Step, { kind: 'monitor' }>,
  { nbdServer, objects }: DaemonOptions,
  drives: readonly ServedDrive[],
  graph: BlockGraph,
): Promise<void> {
  switch (step.kind) {
    case 'blockdev':
      await graph.addNode(withTls(parseNodeOptions(step.options), objects));
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
