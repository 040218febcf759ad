import { forgetParked } from '@tidemark/tracking';
import { nodeNotFound, refusal } from '../errors.ts';
import { BlockNode } from './block-node.ts';
import type { FormatChildren } from './open-format.ts';
import { openFormat } from './open-format.ts';
import type { NodeOptions, NodeReference } from './node-options.ts';
import type { NodeTable } from './node-table.ts';
import { isProtocol, openProtocol } from './open-protocol.ts';

export interface OpenNodeContext {
  readonly table: NodeTable;
  readonly checkpoints: string | undefined;
  readonly onNotice: (message: string) => void;
  /** Called for the node itself when it records, before anybody finds it. Throws: it is closed. */
  readonly onOpened?: (node: BlockNode) => Promise<void>;
}

type FormatOptions = Exclude<NodeOptions, { driver: 'file' | 'host_device' }> &
  Parameters<typeof openFormat>[0];

/**
 * Opens a node and those that stand inside its options, and puts them into the table. It records
 * when this resolves. @throws what is wrong, in QEMU's words where it has some: nothing is left
 */
export async function openNode(
  options: NodeOptions,
  context: OpenNodeContext,
  { isInline }: { readonly isInline: boolean } = { isInline: false },
): Promise<BlockNode> {
  const { table } = context;
  const name = table.reserve(options['node-name']);
  try {
    const node = isProtocol(options)
      ? await openProtocolNode(options, { ...context, name, isInline })
      : await openFormatNode(options, { ...context, name, isInline });
    table.put(node);
    return node;
  } catch (error) {
    table.forget(name);
    throw error;
  }
}

interface NamedContext extends OpenNodeContext {
  readonly name: string;
  readonly isInline: boolean;
}

async function openProtocolNode(
  options: Parameters<typeof openProtocol>[0],
  { name, isInline, checkpoints, onNotice }: NamedContext,
): Promise<BlockNode> {
  const disk = await openProtocol(options, { onNotice });
  const about = { name, options, isInline, checkpoints, onNotice };
  return new BlockNode({ ...about, disk, children: undefined });
}

async function openFormatNode(
  options: FormatOptions,
  { name, isInline, ...context }: NamedContext,
): Promise<BlockNode> {
  const { checkpoints, onNotice } = context;
  const opened: BlockNode[] = [];
  try {
    const children = await openChildren(options, context, opened);
    const writable = isWritable(options, children);
    const disk = await openFormat(options, children, { writable, onNotice });
    const about = { name, options, isInline, checkpoints, onNotice };
    const node = new BlockNode({ ...about, disk, children });
    try {
      await node.track();
      if (!isInline) await context.onOpened?.(node);
      await forgetLeft(node, onNotice);
    } catch (error) {
      await node.untrack().catch(() => {});
      await disk.device.close();
      throw error;
    }
    adopt(node, children);
    return node;
  } catch (error) {
    for (const child of opened.toReversed()) await closeNode(child, context.table);
    throw error;
  }
}

/** What a hand-over has left that both of its sides did not survive. */
async function forgetLeft(node: BlockNode, onNotice: (message: string) => void): Promise<void> {
  if (!(await forgetParked(await node.drive()))) return;
  onNotice(
    `'${node.name}' was being handed over when both sides ended: bitmaps in memory are lost`,
  );
}

export function isWritable(options: NodeOptions, { file }: FormatChildren): boolean {
  if (options['read-only'] === true) return false;
  return file.disk.writable || options['auto-read-only'] !== true;
}

async function openChildren(
  options: FormatOptions,
  context: OpenNodeContext,
  opened: BlockNode[],
): Promise<FormatChildren> {
  const child = async (reference: NodeReference, inherits: Partial<NodeOptions>) => {
    if (typeof reference === 'string') return findNode(context.table, reference);
    const node = await openNode(inherit(reference, inherits), context, { isInline: true });
    opened.push(node);
    return node;
  };
  const { 'read-only': readOnly, 'auto-read-only': auto } = options;
  const same = { 'read-only': readOnly, 'auto-read-only': auto };
  const file = await child(options.file, same);
  checkFile(options, file);
  if (options.driver === 'raw') return { file };
  const { backing, 'data-file': data } = options;
  const dataFile = data === undefined ? undefined : await child(data, same);
  if (backing === undefined || backing === null) return { file, backing, dataFile };
  try {
    return { file, backing: await child(backing, { 'read-only': true }), dataFile };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw refusal(`Could not open backing file: ${error.message}`);
  }
}

function inherit(options: NodeOptions, inherited: Partial<NodeOptions>): NodeOptions {
  const { 'read-only': readOnly, 'auto-read-only': auto } = inherited;
  return {
    ...options,
    'read-only': options['read-only'] ?? readOnly,
    'auto-read-only': options['auto-read-only'] ?? auto,
  };
}

/** @throws USAGE */
export function findNode(table: NodeTable, name: string, device?: string): BlockNode {
  const node = table.get(name);
  if (node === undefined) throw nodeNotFound(name, device);
  return node;
}

/** What an image is in has one user: two would write over each other. */
function checkFile(options: FormatOptions, file: BlockNode): void {
  const name = options['node-name'] ?? '';
  const [other] = file.parents;
  const uses = (node: string) => `node '${node}' (uses node '${file.name}' as 'file' child)`;
  const isShared = options.driver === 'raw' && [...file.parents].every(isRaw);
  if (other !== undefined && !isShared && file.disk.writable) {
    throw conflict(file, `both required by ${uses(other.node.name)} and unshared by ${uses(name)}`);
  }
  if (file.tracked !== undefined) {
    throw conflict(file, `required by ${uses(name)} and unshared by who uses it itself`);
  }
}

function isRaw({ node }: { readonly node: BlockNode }): boolean {
  return node.driver === 'raw';
}

function conflict(file: BlockNode, why: string): Error {
  const what = `permissions 'write, resize' are ${why}`;
  return refusal(`Permission conflict on node '${file.name}': ${what}.`);
}

function adopt(node: BlockNode, { file, backing, dataFile }: FormatChildren): void {
  file.parents.add({ node, role: 'file' });
  backing?.parents.add({ node, role: 'backing' });
  dataFile?.parents.add({ node, role: 'data-file' });
}

/**
 * Stores the bitmaps of a node that nobody uses, closes it, and then those that were made inside it.
 * @throws the first thing that failed, after all was closed
 */
export async function closeNode(node: BlockNode, table: NodeTable): Promise<void> {
  const problems: unknown[] = [];
  const attempt = (work: Promise<void>) =>
    work.catch((error: unknown) => void problems.push(error));
  table.remove(node);
  await attempt(node.untrack());
  await attempt(node.disk.device.close());
  const { file, backing, dataFile } = node.children ?? {};
  for (const child of [file, dataFile, backing]) {
    if (child === undefined || child === null) continue;
    for (const parent of child.parents) if (parent.node === node) child.parents.delete(parent);
    if (child.isInline && child.parents.size === 0) await attempt(closeNode(child, table));
  }
  if (problems.length > 0) throw problems[0];
}
