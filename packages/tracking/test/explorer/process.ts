import { openTrackedDrive, type TrackedDrive, type TrackedDriveOptions } from '../../src/index.ts';
import { type Watch, withArrivals } from './arrivals.ts';
import { UnderWay } from './census.ts';
import { GRANULE, type Plans, type Setting } from './setting.ts';

/** Marked on disk 16 granules at a time, in few places at once, and narrowed at the next chance. */
const MARKS = { regionSize: 16 * GRANULE, maxOpen: 8 * 16 * GRANULE, idleAfter: 0 };

type ProcessOptions = Pick<TrackedDriveOptions, 'onTrackingError' | 'onWarning' | 'retryAfter'> & {
  readonly plans?: Plans;
  readonly watch?: Watch;
};

/** One that has the drive open, until it is closed or killed. */
export class Process {
  readonly underWay = new UnderWay();
  /** Calls that are not answered. */
  readonly calls = new Set<Promise<void>>();
  /** Granules of writes that were asked for and are not answered. */
  readonly asked = new Set<number>();
  /** Granules of writes that have come to the disk and are not answered. */
  readonly arrived = new Set<number>();
  drive!: TrackedDrive;
  /** The bitmap that is being rescanned, and the end of that. */
  rescanned: string | undefined;
  rescan: Promise<void> = Promise.resolve();
  kill: () => Promise<void> = async () => {};

  /** `picture`: what each granule holds; kept up with writes that come to the disk. */
  async open(
    setting: Pick<Setting, 'open'>,
    picture: Map<number, number>,
    { plans, watch, ...options }: ProcessOptions = {},
  ): Promise<void> {
    const opened = await setting.open(this.underWay, plans);
    const { device, store } = opened;
    this.kill = () => opened.kill();
    this.drive = await openTrackedDrive({
      device: withArrivals(device, { picture, underWay: this.arrived, watch }),
      label: 'd',
      stores: [store],
      writable: true,
      durability: 'live',
      clusterSize: 512,
      marks: MARKS,
      // A write that waits for ever would be no problem to anybody.
      onTrackingError: 'report',
      ...options,
    });
  }
}
