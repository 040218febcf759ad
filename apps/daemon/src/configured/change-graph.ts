import type { BlockGraph, BlockNode } from '@tidemark/graph';
import { TidemarkError } from '@tidemark/core';
import type { LoadedConfig } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import { addBitmaps, checkShown, planBitmaps } from './change-bitmaps.ts';
import { located } from './located.ts';
import { nbdServing } from './nbd-serving.ts';
import { nodeOptionsOf } from './node-options.ts';
import type { Changes } from './plan-changes.ts';
import type { Undo } from './undo.ts';

export interface GraphChange {
  readonly graph: BlockGraph;
  readonly loaded: LoadedConfig;
  /** What is there now. */
  readonly before: Config;
  readonly changes: Changes;
  /** Takes back what was done when this throws. */
  readonly undo: Undo;
  /** Those of drives that the configuration has made. Kept up to date. */
  readonly nodes: Map<string, BlockNode>;
}

/**
 * Changes nodes, exports, server and bitmaps. What may fail without harm to anybody comes first, and
 * what cannot be taken back last. @throws what went wrong; to be undone then
 */
export async function changeGraph(change: GraphChange): Promise<void> {
  checkUnused(change);
  await checkBitmaps(change);
  await prepareNbd(change);
  const early = await addEarly(change);
  await removeExports(change);
  await stopNbd(change);
  await removeDrives(change);
  for (const name of change.changes.drivesToAdd) if (!early.has(name)) await addDrive(change, name);
  await retuneDrives(change);
  const { additions, removals } = await planBitmaps(change, () => true);
  await located(change.loaded, ['drives'], () => addBitmaps(additions, change.graph, change.undo));
  await startNbd(change);
  await addExports(change);
  // One transaction: all of them or none.
  if (removals.length === 0) return;
  await located(change.loaded, ['drives'], () => change.graph.transaction(removals));
}

/** @throws BITMAP_BUSY: a drive that is to go is used by what clients of QMP have made */
function checkUnused({ graph, changes, before }: GraphChange): void {
  const going = new Set(changes.drivesToRemove);
  const foreign = graph.exports
    .list()
    .filter(({ id, node }) => going.has(node) && !Object.hasOwn(before.exports, id));
  const above = (node: BlockNode) => [...node.parents].find((each) => !going.has(each.node.name));
  for (const name of going) {
    const node = graph.nodes.get(name)!;
    const exported = foreign.find((each) => each.node === name);
    const user =
      exported !== undefined
        ? `export '${exported.id}'`
        : [...node.users].some(({ kind }) => kind !== 'export')
          ? 'a job or a view'
          : above(node) && `node '${above(node)!.node.name}'`;
    if (user === undefined) continue;
    const text = `drive '${name}' cannot go or be changed: ${user} uses it`;
    throw new TidemarkError('BITMAP_BUSY', text, { where: name, hint: 'end that first' });
  }
}

/** Of drives that stay as they are: what is wrong with the others is found when they are opened. */
async function checkBitmaps(change: GraphChange): Promise<void> {
  const { before, changes } = change;
  const others = new Set(changes.drivesToAdd);
  const stays = (name: string) => Object.hasOwn(before.drives, name) && !others.has(name);
  await planBitmaps(change, stays);
  for (const id of changes.exportsToAdd) {
    if (stays(change.loaded.config.exports[id]!.drive)) await checkShown(change, id);
  }
}

/** A server that cannot come is found before the old one goes. */
async function prepareNbd({ graph, loaded, before, changes, undo }: GraphChange): Promise<void> {
  const { nbd } = loaded.config;
  if (nbd === undefined) return;
  await located(loaded, ['nbd'], async () => {
    const serving = nbdServing(nbd);
    if (changes.nbd === 'move' || changes.nbd === 'start') await graph.nbd.check(serving);
    if (changes.nbd === 'configure') {
      await graph.nbd.configure(serving);
      undo.push('the NBD server', () => graph.nbd.configure(nbdServing(before.nbd!)));
    }
  });
}

/** Those whose files nobody has yet, and a trial of those that replace others. */
async function addEarly(change: GraphChange): Promise<ReadonlySet<string>> {
  const { before, changes, loaded } = change;
  const going = new Set(changes.drivesToRemove);
  const held = new Set([...going].map((name) => fileOf(before, name)));
  const early = new Set<string>();
  for (const name of changes.drivesToAdd) {
    const drive = loaded.config.drives[name]!;
    // Of another form than a file: it may be built on what is to go.
    if (!('file' in drive) || held.has(drive.file)) continue;
    if (going.has(name)) await tryDrive(change, name);
    else {
      await addDrive(change, name);
      early.add(name);
    }
  }
  return early;
}

function fileOf({ drives }: Config, name: string): string | undefined {
  const drive = drives[name];
  return drive !== undefined && 'file' in drive ? drive.file : undefined;
}

async function tryDrive({ graph, loaded }: GraphChange, name: string): Promise<void> {
  await located(loaded, ['drives', name], async () => {
    const options = await nodeOptionsOf(name, loaded.config.drives[name]!);
    const trial = 'x-tidemark-trial';
    await graph.addNode({ ...options, 'node-name': trial });
    await graph.removeNode(trial);
  });
}

async function addDrive({ graph, loaded, nodes, undo }: GraphChange, name: string): Promise<void> {
  await located(loaded, ['drives', name], async () => {
    nodes.set(name, await graph.addNode(await nodeOptionsOf(name, loaded.config.drives[name]!)));
  });
  undo.push(`drive '${name}'`, async () => {
    nodes.delete(name);
    await graph.removeNode(name);
  });
}

async function removeExports(change: GraphChange): Promise<void> {
  const { graph, before, changes, undo } = change;
  for (const id of changes.exportsToRemove) {
    await graph.exports.remove(id, 'hard');
    undo.push(`export '${id}'`, () => addExport(graph, before, id));
  }
}

async function stopNbd({ graph, before, changes, undo }: GraphChange): Promise<void> {
  if (changes.nbd !== 'move' && changes.nbd !== 'stop') return;
  await graph.exports.stopServer();
  undo.push('the NBD server', () => graph.nbd.start(nbdServing(before.nbd!)));
}

/** Once drives record: who comes before exports are there is not told that there are none. */
async function startNbd({ graph, loaded, changes, undo }: GraphChange): Promise<void> {
  const { nbd } = loaded.config;
  if (nbd === undefined || (changes.nbd !== 'move' && changes.nbd !== 'start')) return;
  await located(loaded, ['nbd'], () => graph.nbd.start(nbdServing(nbd)));
  undo.push('the NBD server', () => graph.exports.stopServer());
}

async function removeDrives({ graph, before, changes, nodes, undo }: GraphChange): Promise<void> {
  for (const name of changes.drivesToRemove) {
    // Before it is done: a close that fails has closed it all the same.
    undo.push(`drive '${name}'`, async () => {
      if (graph.nodes.get(name) !== undefined) return;
      nodes.set(name, await graph.addNode(await nodeOptionsOf(name, before.drives[name]!)));
    });
    await graph.removeNode(name);
    nodes.delete(name);
  }
}

async function retuneDrives({ graph, loaded, changes, undo }: GraphChange): Promise<void> {
  for (const name of changes.drivesToRetune) {
    const node = graph.nodes.get(name)!;
    const { options } = node;
    await located(loaded, ['drives', name], async () =>
      node.retune(await nodeOptionsOf(name, loaded.config.drives[name]!)),
    );
    undo.push(`drive '${name}'`, () => node.retune(options));
  }
}

async function addExports({ graph, loaded, changes, undo }: GraphChange): Promise<void> {
  for (const id of changes.exportsToAdd) {
    await located(loaded, ['exports', id], () => addExport(graph, loaded.config, id));
    undo.push(`export '${id}'`, () => graph.exports.remove(id, 'hard'));
  }
}

async function addExport(graph: BlockGraph, { exports }: Config, id: string): Promise<void> {
  const { drive, name = id, bitmaps = 'all', 'read-only': readOnly, ...others } = exports[id]!;
  const node = graph.nodes.get(drive)!;
  const writable = readOnly === undefined ? node.disk.writable : !readOnly;
  const common = { ...others, id, name, writable };
  if (bitmaps === 'all') await graph.exports.addWhole(node, common);
  else await graph.exports.add({ ...common, 'node-name': drive, bitmaps });
}
