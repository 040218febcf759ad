import { prepareTrackedDrive, type TrackedDriveOptions } from './prepare-tracked-drive.ts';
import type { TrackedDrive } from './tracked-drive.ts';

/**
 * Opens a drive for recording: `prepareTrackedDrive` and `begin` in one, for a caller who has only
 * one drive. When it fails, device and stores are still the caller's, open, and no option that was
 * refused has changed anything on disk.
 * @throws as those two
 */
export async function openTrackedDrive(options: TrackedDriveOptions): Promise<TrackedDrive> {
  const prepared = await prepareTrackedDrive(options);
  return prepared.begin();
}
