import { randomBytes } from 'node:crypto';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { QmpControl } from '@tidemark/qmp';
import type { BackedUpDrive, DriveToBackUp, Repository } from '@tidemark/repository';
import { withControl } from '../../control/with-control.ts';
import type { RepositoryBackupFlags } from '../back-up-drives.ts';
import { makePoints } from '../make-points.ts';
import { withRepository } from '../open-place.ts';
import type { LiveAddress } from './live-address.ts';
import { LiveView } from './open-view.ts';
import { type LivePlan, planLive } from './plan-live.ts';

/** Drives of one daemon, as they are in one instant while they are written. */
export async function backUpLive(
  addresses: readonly LiveAddress[],
  place: string,
  flags: RepositoryBackupFlags,
): Promise<readonly BackedUpDrive[]> {
  const { socket } = addresses[0]!;
  const nodes = addresses.map(({ node }) => node);
  return withRepository(place, flags, async (repository) =>
    withControl(socket, async (control) => {
      const about = { control, repository, nodes, socket, flags };
      try {
        return await backUpOnce(about, { readsAll: false });
      } catch (error) {
        // It turned out on the way that an increment cannot be: all is to be read after all.
        if (!isTidemarkError(error, 'DEVICE_UNSUPPORTED')) throw error;
        return await backUpOnce(about, { readsAll: true });
      }
    }),
  );
}

interface LiveBackup {
  readonly control: QmpControl;
  readonly repository: Repository;
  readonly nodes: readonly string[];
  readonly socket: string;
  readonly flags: RepositoryBackupFlags;
}

async function backUpOnce(
  { control, repository, nodes, socket, flags }: LiveBackup,
  { readsAll }: { readonly readsAll: boolean },
): Promise<readonly BackedUpDrive[]> {
  const checkpoint = randomBytes(16).toString('hex');
  const root = await repository.readRoot();
  const known = await control.call('query-named-block-nodes');
  const plans: LivePlan[] = [];
  for (const name of nodes) {
    const node = known.find((each) => each['node-name'] === name);
    if (node === undefined) throw noNode(name, socket);
    const plan = await planLive(node, { repository, root, checkpoint, flags });
    plans.push(readsAll ? { ...plan, onlyDirty: undefined } : plan);
  }
  const { scratch, differential = false } = flags;
  const view = await LiveView.open({ control, plans, differential, scratch });
  let isOpen = true;
  const keep = async () => {
    await view.end({ keep: true, ...(flags.bitmap !== undefined && { checkpoint }) });
    isOpen = false;
    await view.remove(plans.flatMap(({ node, stale }) => stale.map((name) => ({ node, name }))));
  };
  try {
    const drives: DriveToBackUp[] = [];
    for (const plan of plans) drives.push({ ...(await view.read(plan)), differential });
    return await makePoints({ repository, drives, checkpoint, onDurable: keep }, flags);
  } finally {
    // What went wrong first is what the user has to know; a lost connection ends the view as well.
    if (isOpen) await view.end({ keep: false }).catch(() => {});
  }
}

function noNode(node: string, socket: string): TidemarkError {
  const text = `there is no drive '${node}' at ${socket}`;
  const hint = `see which there are: tidemark ctl drives ${socket}`;
  return new TidemarkError('USAGE', text, { where: socket, hint });
}
