import type { RootDrive, RootPoint } from '../format/root.ts';
import type { Repository } from '../repository.ts';
import { findCopy } from './find-copy.ts';

/** What of a drive is to be copied. */
export interface DrivePlan {
  readonly drive: Pick<RootDrive, 'id' | 'label'>;
  /** The newest point that both have, and its copy. */
  readonly common?: { readonly point: RootPoint; readonly copy: RootPoint } | undefined;
  /** Oldest first. */
  readonly pending: readonly RootPoint[];
  /** Not to be copied: the target has a younger point, which would come to lie before them. */
  readonly older: readonly RootPoint[];
  /** Id of the newest point in the target; undefined: there is none. */
  readonly newest: string | undefined;
}

/**
 * A copy goes on behind the newest point that both have: what the target has forgotten of those before
 * does not come back. `wanted`: points of the source, oldest first.
 */
export async function planCopy(
  from: Repository,
  to: Repository,
  wanted: RootDrive,
  target: RootDrive | undefined,
): Promise<DrivePlan> {
  const { points } = wanted;
  const newest = target?.points.at(-1);
  let common: DrivePlan['common'];
  let next = points.length;
  for (; next > 0; next--) {
    const point = points[next - 1]!;
    const copy = await findCopy(from, to, point, target);
    if (copy === undefined) continue;
    common = { point, copy };
    break;
  }
  const candidates = points.slice(next);
  // Others make points there as well; the order of points is that of time.
  const others = newest !== undefined && newest.id !== common?.copy.id ? newest : undefined;
  const isOlder = ({ created }: RootPoint) => others !== undefined && created <= others.created;
  return {
    drive: { id: wanted.id, label: wanted.label },
    common,
    pending: candidates.filter((point) => !isOlder(point)),
    older: candidates.filter(isOlder),
    newest: newest?.id,
  };
}
