import type { RootPoint } from '../format/root.ts';
import type { DrivePlan } from './plan-copy.ts';

/** A point that is to be copied, and the plan that it is of. */
export interface PointOfPlan {
  readonly plan: DrivePlan;
  readonly point: RootPoint;
}

/**
 * The order in which points are copied: that of each drive, by time among drives, and the points of one
 * checkpoint together, since they are there together or not at all.
 */
export function* copyOrder(plans: readonly DrivePlan[]): Generator<readonly PointOfPlan[]> {
  const queues = plans.map((plan) => ({ plan, left: [...plan.pending] }));
  for (;;) {
    const heads = queues.flatMap(({ plan, left }) =>
      left.length === 0 ? [] : [{ plan, point: left[0]! }],
    );
    if (heads.length === 0) return;
    const rest = queues.flatMap(({ left }) => left.slice(1));
    const isWaitedFor = ({ point }: PointOfPlan) => rest.some((later) => isOneSet(point, later));
    // One that has a mate further behind waits until that one is at the front.
    const free = heads.filter((head) => !isWaitedFor(head));
    const [first] = (free.length > 0 ? free : heads).toSorted(byTime);
    const group = heads.filter((head) => head === first || isOneSet(head.point, first!.point));
    for (const { plan } of group) queues.find((queue) => queue.plan === plan)!.left.shift();
    yield group;
  }
}

function isOneSet(a: RootPoint, b: RootPoint): boolean {
  return a.checkpoint !== null && a.checkpoint === b.checkpoint;
}

function byTime(a: PointOfPlan, b: PointOfPlan): number {
  return Date.parse(a.point.created) - Date.parse(b.point.created);
}
