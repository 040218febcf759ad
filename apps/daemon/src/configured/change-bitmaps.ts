import { TidemarkError } from '@tidemark/core';
import type { BlockGraph, BlockNode, GraphAction } from '@tidemark/graph';
import type { BitmapConfig } from '../config/drive-schema.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { located } from './located.ts';
import type { Undo } from './undo.ts';

/** What turns the bitmaps that there are into those that are asked for. */
export interface BitmapChanges {
  /** What can be taken back: a bitmap that comes, and one that records from now on. */
  readonly additions: readonly GraphAction[];
  /** What cannot: a bitmap that did not record for a while has missed writes. */
  readonly removals: readonly GraphAction[];
}

export interface PlanBitmapsOptions {
  readonly loaded: LoadedConfig;
  /** What is there now. */
  readonly before: LoadedConfig['config'];
  readonly graph: BlockGraph;
}

/**
 * Of the drives that `isMeant` says; their nodes are there.
 * @throws BITMAP_INCONSISTENT, BITMAP_EXISTS: one is there and is not as it has to be
 */
export async function planBitmaps(
  { loaded, before, graph }: PlanBitmapsOptions,
  isMeant: (drive: string) => boolean,
): Promise<BitmapChanges> {
  const additions: GraphAction[] = [];
  const removals: GraphAction[] = [];
  for (const [name, { bitmaps: wanted = {} }] of Object.entries(loaded.config.drives)) {
    const known = Object.hasOwn(before.drives, name) ? (before.drives[name]?.bitmaps ?? {}) : {};
    if (!isMeant(name)) continue;
    if (Object.keys(wanted).length + Object.keys(known).length === 0) continue;
    const node = graph.nodes.get(name)!;
    const there = await bitmapsOf(node);
    for (const [bitmap, config] of Object.entries(wanted)) {
      const keys = ['drives', name, 'bitmaps', bitmap];
      await located(loaded, keys, () => {
        const [addition, removal] = actionsOn({ node: name, name: bitmap }, config, there);
        if (addition !== undefined) additions.push(addition);
        if (removal !== undefined) removals.push(removal);
      });
    }
    for (const bitmap of Object.keys(known)) {
      // Those that are stored stay, as they do over a restart. These would not.
      if (Object.hasOwn(wanted, bitmap) || there.get(bitmap)?.persistent !== false) continue;
      removals.push({ op: 'remove', node: name, name: bitmap });
    }
  }
  return { additions, removals };
}

/** @throws BITMAP_NOT_FOUND: an export is to show one that is not there, and will not be */
export async function checkShown({ loaded, graph }: PlanBitmapsOptions, id: string): Promise<void> {
  const { drive, bitmaps = 'all' } = loaded.config.exports[id]!;
  const node = graph.nodes.get(drive);
  if (bitmaps === 'all' || node === undefined) return;
  const there = await bitmapsOf(node);
  const coming = loaded.config.drives[drive]?.bitmaps ?? {};
  await located(loaded, ['exports', id, 'bitmaps'], () => {
    for (const bitmap of bitmaps) {
      const comes = Object.hasOwn(coming, bitmap);
      const isThere = comes ? coming[bitmap]?.absent !== true : there.has(bitmap);
      if (isThere || node.backing !== undefined) continue;
      throw new TidemarkError('BITMAP_NOT_FOUND', `Bitmap '${bitmap}' is not found`, { bitmap });
    }
  });
}

type There = Awaited<ReturnType<typeof bitmapsOf>>;

async function bitmapsOf(node: BlockNode) {
  const drive = await node.drive();
  return new Map((await drive.states()).map((info) => [info.name, info]));
}

function actionsOn(
  bitmap: { readonly node: string; readonly name: string },
  { granularity, enabled, persistent = true, absent = false }: BitmapConfig,
  there: There,
): readonly [GraphAction | undefined, GraphAction | undefined] {
  const found = there.get(bitmap.name);
  if (absent) return [undefined, found && { op: 'remove', ...bitmap }];
  if (found === undefined) {
    const size = granularity === undefined ? {} : { granularity };
    return [{ op: 'add', ...bitmap, ...size, persistent, disabled: enabled === false }, undefined];
  }
  if (found.inconsistent) throw isInconsistent(bitmap.name);
  if (granularity !== undefined && found.granularity !== granularity) {
    throw isOther(bitmap.name, `its granularity is ${found.granularity}`);
  }
  if (found.persistent !== persistent) {
    throw isOther(bitmap.name, found.persistent ? 'it is persistent' : 'it is not persistent');
  }
  if (enabled === true && !found.recording) return [{ op: 'enable', ...bitmap }, undefined];
  const stops = enabled === false && found.recording;
  return [undefined, stops ? { op: 'disable', ...bitmap } : undefined];
}

function isInconsistent(bitmap: string): TidemarkError {
  const text = `bitmap '${bitmap}' is inconsistent: it may have missed writes`;
  const hint = "remove it with 'tidemark bitmap remove', or with absent: true, and back up in full";
  return new TidemarkError('BITMAP_INCONSISTENT', text, { bitmap, hint });
}

function isOther(bitmap: string, why: string): TidemarkError {
  const text = `bitmap '${bitmap}' is there, and ${why}`;
  const hint = 'ask for it as it is, or remove it first';
  return new TidemarkError('BITMAP_EXISTS', text, { bitmap, hint });
}

/** Makes bitmaps that can be taken away again. */
export async function addBitmaps(
  additions: readonly GraphAction[],
  graph: BlockGraph,
  undo: Undo,
): Promise<void> {
  if (additions.length === 0) return;
  const added = additions.filter((action) => action.op === 'add');
  const bare = new Set(
    added.map(({ node }) => graph.nodes.get(node)!).filter((node) => node.lacksSidecar),
  );
  await graph.transaction(additions);
  undo.push('a bitmap', async () => {
    const actions = added.map(({ node, name }) => ({ op: 'remove', node, name }) as const);
    if (actions.length > 0) await graph.transaction(actions);
    for (const node of bare) await node.removeSidecar();
  });
}
