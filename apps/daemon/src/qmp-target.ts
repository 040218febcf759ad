import { stat } from 'node:fs/promises';
import { CheckpointFolder } from '@tidemark/checkpoint';
import type { QmpAction, QmpBlockInfo, QmpMergeSource, QmpNode, QmpTarget } from '@tidemark/qmp';
import { type BitmapAction, type MergeSource, runTransaction } from '@tidemark/tracking';
import type { ServedDrive } from './compose.ts';
import { Rescans } from './rescans.ts';

export interface QmpTargetOptions {
  readonly drives: readonly ServedDrive[];
  /** Folder of checkpoints over several drives. */
  readonly checkpoints: string | undefined;
  readonly log: (message: string) => void;
  readonly quit: () => void;
}

/** The drives as QMP clients see them: each is a node, named by its id. */
export function qmpTarget({ drives, checkpoints, log, quit }: QmpTargetOptions): QmpTarget {
  const folder = checkpoints === undefined ? undefined : new CheckpointFolder(checkpoints);
  const byId = new Map(drives.map((served) => [served.id, served]));
  const nodes = new Map(drives.map((served) => [served.id, qmpNode(served)]));
  const tracked = (id: string) => byId.get(id)!.tracked;
  return {
    nodes: () => nodes,
    async transaction(actions) {
      const toSource = (source: QmpMergeSource): MergeSource =>
        typeof source === 'string' ? source : { drive: tracked(source.node), name: source.name };
      const first = drives[0]!.id;
      await runTransaction(
        actions.map((action) => ({
          // An abort names no node; it fails wherever it stands.
          drive: tracked(action.op === 'abort' ? first : action.node),
          action: toBitmapAction(action, toSource),
        })),
        { checkpoints: folder, onNotice: log },
      );
    },
    rescans: new Rescans(byId, log),
    quit,
  };
}

function toBitmapAction(
  action: QmpAction,
  toSource: (source: QmpMergeSource) => MergeSource,
): BitmapAction {
  if (action.op !== 'merge') return action;
  const { op, target, sources } = action;
  return { op, target, sources: sources.map(toSource) };
}

function qmpNode(served: ServedDrive): QmpNode {
  const { id, tracked } = served;
  return {
    name: id,
    blockInfo: () => describe(served),
    bitmaps: () => tracked.list(),
    sha256: (name) => tracked.sha256(name),
    freeze: (name) => tracked.freeze(name),
    release: (request) => tracked.release(request),
    resize: (size) => tracked.device.resize(size),
  };
}

async function describe({ drive, tracked }: ServedDrive): Promise<QmpBlockInfo> {
  const { device, writable } = tracked;
  const { trouble } = tracked;
  const common = { readOnly: !writable, virtualSize: device.size, ...(trouble && { trouble }) };
  if (drive === undefined) return { ...common, driver: 'memory', file: device.label };
  return {
    ...common,
    driver: drive.format,
    file: drive.path,
    ...(!drive.isRemote && { actualSize: (await stat(drive.path)).blocks * 512 }),
    ...(drive.image && { clusterSize: drive.image.info.clusterSize }),
  };
}
