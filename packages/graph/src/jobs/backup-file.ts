import { createQcow2 } from '@tidemark/qcow2';
import { openFileDevice } from '@tidemark/block';
import { openFailed, refusal } from '../errors.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import type { NodeOptions } from '../nodes/node-options.ts';
import { closeNode, openNode, type OpenNodeContext } from '../nodes/open-node.ts';
import type { BackupFile } from '../transaction/graph-action.ts';
import type { BackupOptions } from './backup-options.ts';

/** A node for one job, on a file. */
export interface OpenedBackupFile {
  readonly node: BlockNode;
  /** Closes the node; the file stays. */
  readonly dispose: () => Promise<void>;
  /** The job is not going to be. */
  readonly undo: () => Promise<void>;
}

/**
 * Opens the file that a drive-backup goes to, and makes it first unless it is there.
 * @throws USAGE, FILE_NOT_FOUND, PERMISSION_DENIED, LOCKED, NO_SPACE
 */
export async function openBackupFile(
  options: BackupOptions & BackupFile,
  source: BlockNode,
  context: OpenNodeContext,
): Promise<OpenedBackupFile> {
  const { target, mode = 'absolute-paths', sync } = options;
  const format = formatOf(options, source);
  if (mode === 'absolute-paths') await makeFile(target, { format, sync, source });
  const file: NodeOptions = { driver: 'file', filename: target };
  const isFleecing = sync === 'none' && mode === 'absolute-paths';
  const backing = isFleecing ? { backing: source.name } : {};
  const opened: NodeOptions =
    format === 'raw' ? { driver: 'raw', file } : { driver: 'qcow2', file, ...backing };
  const node = await openNode(opened, context, { isInline: true });
  let isClosed = false;
  const dispose = async () => {
    if (isClosed) return;
    isClosed = true;
    await closeNode(node, context.table);
  };
  return { node, dispose, undo: dispose };
}

function formatOf({ format, mode }: BackupFile, source: BlockNode): 'raw' | 'qcow2' {
  const wanted = format ?? (source.disk.image === undefined ? 'raw' : 'qcow2');
  if (wanted === 'raw' || wanted === 'qcow2') return wanted;
  throw refusal(
    mode === 'existing' ? `Unknown driver '${wanted}'` : `Unknown file format '${wanted}'`,
  );
}

async function makeFile(
  path: string,
  {
    format,
    sync,
    source,
  }: {
    readonly format: 'raw' | 'qcow2';
    readonly sync: BackupOptions['sync'];
    readonly source: BlockNode;
  },
): Promise<void> {
  const backing = backingOf(sync, source);
  if (format === 'raw' && backing !== undefined) {
    throw refusal("Backing file not supported for file format 'raw'");
  }
  const { size } = source.device;
  try {
    const file = await openEmpty(path);
    try {
      if (format === 'raw') await file.resize(size);
      else await createQcow2(file, { size, ...(backing && { backing }) });
    } finally {
      await file.close();
    }
  } catch (error) {
    const failure = openFailed(error, { filename: path, writing: true });
    if (!(failure instanceof Error)) throw failure;
    throw refusal(failure.message.replace(/^Could not open/, 'Could not create'));
  }
}

/** What is there is cut off, unless somebody has it open. */
async function openEmpty(path: string) {
  const file = await openFileDevice(path, { writable: true, create: 'exclusive' }).catch(() =>
    openFileDevice(path, { writable: true }),
  );
  if (file.size > 0) await file.resize(0);
  return file;
}

function backingOf(
  sync: BackupOptions['sync'],
  source: BlockNode,
): { readonly name: string; readonly format?: string } | undefined {
  const { image, filename } = source.disk;
  if (sync === 'none') {
    return { name: filename, format: image === undefined ? 'raw' : 'qcow2' };
  }
  const below = sync === 'top' ? image?.info.backing : undefined;
  return below && { name: below.name, ...(below.format && { format: below.format }) };
}
