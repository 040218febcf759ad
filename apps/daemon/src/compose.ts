import type { TrackedDrive } from '@tidemark/tracking';
import { type OpenedDrive, openPlannedDrive } from './open-drive.ts';
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
    for (const { planned, drive, prepared } of opened) {
      served.push({ id: planned.option.id, planned, drive, tracked: await prepared.begin() });
    }
    return served;
  } catch (error) {
    // Those that record already have to store their bitmaps; the others were not changed.
    for (const { tracked } of served) await tracked.close().catch(() => {});
    for (const drive of opened.slice(served.length)) await drive.undo().catch(() => {});
    throw error;
  }
}
