import { isDeepStrictEqual } from 'node:util';
import type { BlockGraph, BlockNode } from '@tidemark/graph';
import type { DriveConfig } from '../config/drive-schema.ts';
import type { Config } from '../config/schema.ts';
import { childrenOf, inOrder, nodeOptionsOf } from './node-options.ts';

/**
 * Drives that nobody may open here now, and those that are built on them, each with why: another
 * daemon has them, may have them, or is to bring them.
 */
export function awayDrives(graph: BlockGraph, { drives }: Config): ReadonlyMap<string, string> {
  const away = new Map<string, string>();
  for (const name of inOrder(drives)) {
    const under = childrenOf(drives[name]!).find((child) => away.has(child));
    const reason = under === undefined ? whyAway(graph, name) : `drive '${under}' is away`;
    if (reason !== undefined) away.set(name, reason);
  }
  return away;
}

function whyAway({ nodes, handOvers }: BlockGraph, name: string): string | undefined {
  const node = nodes.get(name);
  if (node !== undefined) return node.isAway ? 'it is stopped by a hand-over' : undefined;
  const last = handOvers.list().find((info) => info.node === name);
  if (last?.role === 'source') {
    return last.status === 'completed' ? 'it was handed over to another daemon' : undefined;
  }
  const comes = last?.status === 'expecting' || last?.status === 'negotiating';
  return comes || handOvers.isExpected(name) ? 'it is expected from another daemon' : undefined;
}

/** What a configuration says of all the others. */
export function withoutDrives(config: Config, away: ReadonlyMap<string, string>): Config {
  const drives = Object.entries(config.drives).filter(([name]) => !away.has(name));
  const exports = Object.entries(config.exports).filter(([, { drive }]) => !away.has(drive));
  return { ...config, drives: Object.fromEntries(drives), exports: Object.fromEntries(exports) };
}

/** Nodes that a hand-over has brought, and that are what the configuration calls so. */
export async function broughtDrives(
  { nodes, handOvers }: BlockGraph,
  { drives }: Config,
): Promise<ReadonlyMap<string, BlockNode>> {
  const brought = new Map<string, BlockNode>();
  for (const { node: name, role, status } of handOvers.list()) {
    const node = nodes.get(name);
    const drive = Object.hasOwn(drives, name) ? drives[name] : undefined;
    if (role !== 'target' || status !== 'completed') continue;
    if (node !== undefined && drive !== undefined && (await isSameDrive(name, node, drive))) {
      brought.set(name, node);
    }
  }
  return brought;
}

async function isSameDrive(name: string, node: BlockNode, drive: DriveConfig): Promise<boolean> {
  const wanted = await nodeOptionsOf(name, drive);
  const fileOf = (options: object) => ('file' in options ? options.file : undefined);
  return (
    wanted.driver === node.options.driver && isDeepStrictEqual(fileOf(wanted), fileOf(node.options))
  );
}
