import type { DriveState } from './drive-state.ts';
import type { TrackedDevice } from './tracked-device.ts';

/** See `TrackedDrive.close`. Once. */
export async function closeDrive(device: TrackedDevice, state: DriveState): Promise<void> {
  const drained = device.drain();
  // Before the drive is: what they have found has to be told to disk, or taken back.
  for (const work of state.longWorks) work.end();
  if (state.longWorks.size > 0) await state.longWorksOver();
  state.closing = true;
  await drained;
  const unlock = await state.mutex.lock();
  const problems: unknown[] = [];
  const attempt = (work: () => Promise<void>) =>
    work().catch((error: unknown) => void problems.push(error));
  if (state.writable) await attempt(() => device.flush());
  // Where this fails, bitmaps on disk say more than the truth, and never less.
  await attempt(() => state.marks.settle());
  const clean = problems.length === 0;
  for (const keeper of state.keepers) {
    const own = [...state.bitmaps.values()].filter((bitmap) => bitmap.keeper === keeper);
    const acquired = own.filter((bitmap) => bitmap.acquired);
    if (clean) await attempt(() => keeper.release(acquired));
    await attempt(() => keeper.close());
  }
  await attempt(() => device.close());
  unlock();
  if (problems.length > 0) throw problems[0];
}
