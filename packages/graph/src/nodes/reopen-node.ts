import { refusal } from '../errors.ts';
import type { BlockNode } from './block-node.ts';
import type { NodeOptions, NodeReference } from './node-options.ts';
import { openFormat } from './open-format.ts';
import type { NodeTable } from './node-table.ts';
import { isProtocol, openProtocol } from './open-protocol.ts';
import { isWritable } from './open-node.ts';

/**
 * Gives nodes other options: whether they can be written, and what is not said is as by default. All
 * of them or none. @throws USAGE, in QEMU's words where it has some; what opening them throws
 */
export async function reopenNodes(
  wanted: readonly NodeOptions[],
  table: NodeTable,
  onNotice: (message: string) => void,
): Promise<void> {
  const changes = wanted.map((options) => ({ node: findReopened(options, table), options }));
  for (const { node, options } of changes) checkReopen(node, options);
  const done: { readonly node: BlockNode; readonly options: NodeOptions }[] = [];
  try {
    for (const { node, options } of changes) {
      done.push({ node, options: node.options });
      await reopen(node, options, onNotice);
    }
  } catch (error) {
    for (const { node, options } of done.toReversed()) await reopen(node, options, onNotice);
    throw error;
  }
}

function findReopened({ 'node-name': name }: NodeOptions, table: NodeTable): BlockNode {
  if (name === undefined) throw refusal('node-name not specified');
  const node = table.get(name);
  if (node === undefined) throw refusal(`Failed to find node with node-name='${name}'`);
  return node;
}

function checkReopen(node: BlockNode, options: NodeOptions): void {
  const unchanged = (option: string, isSame: boolean) => {
    if (!isSame) throw refusal(`Cannot change the option '${option}'`);
  };
  unchanged('driver', node.driver === options.driver);
  const { file, backing } = node.children ?? {};
  if ('file' in options && file !== undefined) unchanged('file', names(options.file, file));
  if ('filename' in options) unchanged('filename', options.filename === node.disk.filename);
  if (options.driver === 'qcow2') {
    const hasBacking = node.disk.image?.info.backing !== undefined;
    if (options.backing === undefined && (hasBacking || (backing ?? undefined) !== undefined)) {
      throw refusal(`backing is missing for '${node.name}'`);
    }
    if (typeof options.backing === 'string') {
      unchanged('backing', options.backing === backing?.name);
    }
    if (options.backing === null) unchanged('backing', (backing ?? undefined) === undefined);
  }
  const becomesReadOnly = options['read-only'] === true && node.disk.writable;
  if (becomesReadOnly && node.users.size > 0) {
    throw refusal('Block node is read-only: it is in use by an export or a job');
  }
  if (node.isDevice) throw refusal(`Node ${node.name} is not owned by the monitor`);
  if (isProtocol(options) && node.parents.size > 0) throw refusal(`Node ${node.name} is in use`);
}

function names(reference: NodeReference, node: BlockNode): boolean {
  return reference === node.name;
}

/** Writes wait, and bitmaps are stored: it is closed and opened anew behind its users. */
async function reopen(
  node: BlockNode,
  options: NodeOptions,
  onNotice: (message: string) => void,
): Promise<void> {
  const before = node.options;
  await node.reopen(async () => {
    try {
      await openAgain(node, options, onNotice);
    } catch (error) {
      await openAgain(node, before, onNotice);
      throw error;
    }
  });
}

async function openAgain(
  node: BlockNode,
  options: NodeOptions,
  onNotice: (message: string) => void,
): Promise<void> {
  if (isProtocol(options)) node.disk = await openProtocol(options, { onNotice });
  else {
    const children = node.children!;
    await followFile(children.file, options, onNotice);
    const writable = isWritable(options, children);
    node.disk = await openFormat(options, children, { writable, onNotice });
  }
  node.options = options;
}

/** A file that was made inside its format's options can be written as that can. */
async function followFile(
  file: BlockNode,
  options: NodeOptions,
  onNotice: (message: string) => void,
): Promise<void> {
  const readOnly = options['read-only'] ?? false;
  if (!file.isInline || !isProtocol(file.options) || file.parents.size > 1) return;
  if (file.disk.writable === !readOnly) return;
  await file.disk.device.close();
  const next = { ...file.options, 'read-only': readOnly };
  file.disk = await openProtocol(next, { onNotice });
  file.options = next;
}
