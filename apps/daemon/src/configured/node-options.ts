import { stat } from 'node:fs/promises';
import type { NodeOptions } from '@tidemark/graph';
import { childNames } from '../config/check-references.ts';
import type { DriveConfig } from '../config/drive-schema.ts';

/** A configured drive as a node of the graph. */
export async function nodeOptionsOf(name: string, drive: DriveConfig): Promise<NodeOptions> {
  if ('node' in drive) return { ...drive.node, 'node-name': name };
  const { file: filename, format: driver, 'read-only': readOnly, discard = 'unmap' } = drive;
  const found = await stat(filename).catch(() => undefined);
  const protocol = found?.isBlockDevice() ? 'host_device' : 'file';
  return {
    driver,
    'node-name': name,
    discard,
    ...(readOnly !== undefined && { 'read-only': readOnly }),
    file: { driver: protocol, filename },
    ...policiesOf(drive),
  };
}

function policiesOf(drive: Exclude<DriveConfig, { readonly node: unknown }>) {
  const { durability, 'on-tracking-error': policy, 'tracking-bound': bound } = drive;
  return {
    ...(durability && { 'x-tidemark-durability': durability }),
    ...(policy && { 'x-tidemark-on-tracking-error': policy }),
    ...(bound !== undefined && { 'x-tidemark-tracking-bound': bound }),
  };
}

/** Drives that name each other, those that are named first. */
export function inOrder(drives: Readonly<Record<string, DriveConfig>>): readonly string[] {
  const order = new Set<string>();
  const visit = (name: string) => {
    const drive = Object.hasOwn(drives, name) ? drives[name] : undefined;
    if (drive === undefined || order.has(name)) return;
    for (const child of childrenOf(drive)) visit(child);
    order.add(name);
  };
  for (const name of Object.keys(drives)) visit(name);
  return [...order];
}

/** Names of drives that a drive is built on. */
export function childrenOf(drive: DriveConfig): readonly string[] {
  return 'node' in drive ? childNames(drive.node).map(({ child }) => child) : [];
}
