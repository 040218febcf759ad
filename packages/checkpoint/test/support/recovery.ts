import { CheckpointFolder, commitTogether, openCheckpointed } from '../../src/index.ts';
import { FOLDER, type VolatileFiles } from '../../../../tools/device/volatile-files.ts';
import type { Recorded } from './recorded.ts';
import { openOn, partOf, PLACES, SET, stateOf } from './three-drives.ts';

function folderOf(disks: { readonly folder: VolatileFiles }): CheckpointFolder {
  return new CheckpointFolder(`/${FOLDER}`, disks.folder);
}

/** One checkpoint over three drives. */
export async function makeCheckpoint(recorded: Recorded): Promise<void> {
  const folder = folderOf(recorded);
  const opened = [];
  for (const [index, device] of recorded.devices.entries()) {
    const { store, close } = await openOn(device, index);
    const checkpointed = await openCheckpointed(store, { folder, place: PLACES[index]! });
    opened.push({ store: checkpointed, close });
  }
  const parts = [];
  for (const { store } of opened) parts.push(await partOf(store));
  await commitTogether(parts, { set: SET, folder });
  for (const { close } of opened) await close();
}

/** What a drive is found to be by whoever opens it with the folder. */
export async function lookAt(disks: Pick<Recorded, 'devices' | 'folder'>, index: number) {
  const { store, close } = await openOn(disks.devices[index]!, index);
  const options = { folder: folderOf(disks), place: PLACES[index]! };
  const state = await stateOf(await openCheckpointed(store, options));
  await close();
  return state;
}

/** Each drive is opened in turn, and then once more; what the second time shows. */
export async function recover(
  disks: Pick<Recorded, 'devices' | 'folder'>,
  order: readonly number[],
) {
  for (const index of order) await lookAt(disks, index);
  const found = [];
  for (const index of [0, 1, 2]) found.push(await lookAt(disks, index));
  return found;
}
