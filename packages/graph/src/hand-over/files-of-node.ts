import { refusal } from '../errors.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { adoptAgain } from '../nodes/adopt-drive.ts';
import { isWritable } from '../nodes/open-node.ts';
import { openFormat } from '../nodes/open-format.ts';
import { isProtocol, openProtocol } from '../nodes/open-protocol.ts';
import { GoneDevice } from './gone-device.ts';
import type { NodeOptions } from '../nodes/node-options.ts';

type FormatOptions = Parameters<typeof openFormat>[0];

/** The nodes of files that a node has open for itself, with their locks. */
export function filesOf(node: BlockNode): readonly BlockNode[] {
  const { file, dataFile } = node.children ?? {};
  return [file, dataFile].filter((child) => child !== undefined);
}

/**
 * Only a node whose files are its own can let go of them.
 * @throws USAGE: another node, an export's or a job's need of it, or another kind of drive
 */
export function checkGivable(node: BlockNode): void {
  const { name, disk, users, parents } = node;
  const busy = [...users].find(({ kind }) => kind !== 'export');
  if (busy !== undefined) throw refusal(`Node '${name}' is busy: block device is in use by a job`);
  if (parents.size > 0) throw refusal(`Node '${name}' is busy: other nodes use it`);
  if (!isFormat(node.options) || (node.children === undefined && node.reopening === undefined)) {
    throw refusal(`Node '${name}' cannot be handed over: it is no raw or qcow2 drive of a file`);
  }
  if (!disk.writable) throw refusal(`Node '${name}' is read-only: open it there as well`);
  if (node.reopening !== undefined) {
    const { obstacle } = node.reopening;
    if (obstacle !== undefined) throw refusal(`Node '${name}' cannot be handed over: ${obstacle}`);
    return;
  }
  if (!node.hasStore) {
    const text = `Node '${name}' has no place for bitmaps: make its sidecar first`;
    throw refusal(text);
  }
  for (const child of filesOf(node)) {
    const isFile = child.driver === 'file' || child.driver === 'host_device';
    if (isFile && child.parents.size === 1 && child.users.size === 0) continue;
    throw refusal(`Node '${name}' cannot be handed over: '${child.name}' is not a file of its own`);
  }
}

/** Whatever fails, all are closed, and no lock is held. @throws the first thing that failed */
export async function closeFiles(node: BlockNode): Promise<void> {
  const problems: unknown[] = [];
  for (const each of [node, ...filesOf(node)]) {
    const { device, image: _, ...disk } = each.disk;
    await device.close().catch((error: unknown) => void problems.push(error));
    // It can be closed again, and nothing else.
    each.disk = { ...disk, device: new GoneDevice({ label: device.label, size: device.size }) };
  }
  if (problems.length > 0) throw problems[0];
}

/** As they were opened first. A drive of the command line records then, too. @throws LOCKED: somebody else has them; as `openNode` */
export async function openFiles(
  node: BlockNode,
  onNotice: (message: string) => void,
): Promise<void> {
  const opened: BlockNode[] = [];
  const { options, children, reopening } = node;
  if (reopening !== undefined) {
    await adoptAgain(node, reopening);
    return;
  }
  if (children === undefined || !isFormat(options)) throw new TypeError('not a node of a format');
  try {
    for (const child of filesOf(node)) {
      if (!isProtocol(child.options)) throw new TypeError('not a node of a protocol');
      child.disk = await openProtocol(child.options, { onNotice });
      opened.push(child);
    }
    const writable = isWritable(options, children);
    node.disk = await openFormat(options, children, { writable, onNotice });
  } catch (error) {
    for (const child of opened) await child.disk.device.close();
    throw error;
  }
}

function isFormat(options: NodeOptions): options is FormatOptions {
  return !isProtocol(options);
}
