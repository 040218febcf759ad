import type { AdoptedDrive, OpenedElsewhere, Reopening } from '@tidemark/graph';
import { forgetParked, type TrackedDrive } from '@tidemark/tracking';
import { type OpenedDrive, openPlannedDrive, type OpenPlannedOptions } from './open-drive.ts';
import type { DaemonOptions } from './options/parse-options.ts';
import { type PlannedDrive, planDrives } from './plan.ts';
import type { Drive } from '@tidemark/drive';

/** A drive that records, ready to be served. */
export interface ServedDrive {
  readonly id: string;
  readonly planned: PlannedDrive;
  /** Absent for a drive in memory. */
  readonly drive: Drive | undefined;
  readonly tracked: TrackedDrive;
  /** Absent for a drive that cannot be let go of. */
  readonly reopening: Reopening | undefined;
}

/**
 * Opens all drives. First every option of every drive is checked, then bitmaps are taken in use:
 * a wrong option changes no file. When this resolves, all of them record.
 */
export async function composeDrives(
  options: DaemonOptions,
  warn: (message: string) => void,
): Promise<readonly ServedDrive[]> {
  const { checkpoints } = options;
  const plan = await planDrives(options.drives, options.bitmaps);
  const opened: OpenedDrive[] = [];
  const served: ServedDrive[] = [];
  try {
    for (const planned of plan) {
      opened.push(await openPlannedDrive(planned, { warn, checkpoints }));
    }
    for (const each of opened) {
      const { planned, drive, prepared } = each;
      const { id } = planned.option;
      const reopening = reopeningOf(each, { warn, checkpoints });
      served.push({ id, planned, drive, tracked: await prepared.begin(), reopening });
    }
    // Before anybody writes: a target that comes late finds that it is too late.
    for (const { id, tracked } of served) {
      if (!(await forgetParked(tracked))) continue;
      warn(`'${id}' was being handed over when both sides ended: bitmaps in memory are lost`);
    }
    return served;
  } catch (error) {
    // Those that record already have to store their bitmaps; the others were not changed.
    for (const { tracked } of served) await tracked.close().catch(() => {});
    for (const drive of opened.slice(served.length)) await drive.undo().catch(() => {});
    throw error;
  }
}

/** As the graph takes it. */
export function adoptedOf({ id, planned, drive, tracked, reopening }: ServedDrive): AdoptedDrive {
  const { durability, onTrackingError, trackingBound } = planned.option;
  const tracking = {
    'x-tidemark-on-tracking-error': onTrackingError,
    ...(durability !== undefined && { 'x-tidemark-durability': durability }),
    ...(trackingBound !== undefined && { 'x-tidemark-tracking-bound': trackingBound }),
  };
  const isOfFile = drive !== undefined;
  return { name: id, tracked, drive, reopening, ...(isOfFile && { tracking }) };
}

function reopeningOf(
  { planned, drive, about }: OpenedDrive,
  options: OpenPlannedOptions,
): Reopening | undefined {
  if (drive === undefined || about === undefined) return undefined;
  const open = () => openAgain(planned, { ...options, before: drive });
  return { ...about, open };
}

async function openAgain(
  planned: PlannedDrive,
  options: OpenPlannedOptions,
): Promise<OpenedElsewhere> {
  const opened = await openPlannedDrive(planned, options);
  try {
    return { drive: opened.drive, tracked: await opened.prepared.begin() };
  } catch (error) {
    await opened.undo();
    throw error;
  }
}
