import type { DriveWatch } from './drive-watch.ts';
import type { ServiceManager } from './service-manager.ts';

export interface WatchdogOptions {
  readonly manager: ServiceManager;
  readonly drives: DriveWatch;
  readonly log: (message: string) => void;
}

/** How often drives are looked at where no watchdog says it, in milliseconds. */
const USUAL_PERIOD = 10_000;

/**
 * Says regularly that we live, as long as all drives answer. A hanging event loop says nothing by
 * itself. @returns what ends it
 */
export function startWatchdog({ manager, drives, log }: WatchdogOptions): () => void {
  const { watchdog } = manager;
  const period = watchdog === undefined ? USUAL_PERIOD : watchdog / 2;
  let told = '';
  const timer = setInterval(() => {
    drives.look();
    const stuck = drives.stuckFor(period).join(', ');
    if (stuck !== told && stuck !== '') {
      log(`error: the disks of these have answered nothing for ${period / 1000} s: ${stuck}`);
    }
    if (stuck !== told && stuck === '') log(`the disks of ${told} answer again`);
    told = stuck;
    if (stuck === '' && watchdog !== undefined) void manager.alive();
  }, period);
  return () => clearInterval(timer.unref());
}
