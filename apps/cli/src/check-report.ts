import type { Finding, ImageCheck } from '@tidemark/doctor';
import { formatSize } from '@tidemark/program';
import { count } from './output.ts';

/** Exit codes of `image check`, and of `image repair` for what is left. Never changed, only added to. */
const CheckExit = {
  sound: 0,
  leaks: 20,
  corrupt: 21,
  bitmapsInUse: 22,
  bitmapsBroken: 23,
  incomplete: 24,
} as const;

/** The worst that was found decides. What cannot be read at all ends with an error instead. */
export function exitOf(check: ImageCheck): number {
  if (check.corruptions > 0 || check.isMarkedCorrupt) return CheckExit.corrupt;
  if (check.checkErrors > 0 || check.isIncomplete) return CheckExit.incomplete;
  const { bitmaps, bitmapFaults, bitmapsState } = check;
  const inUse = bitmaps.filter(({ inUse }) => inUse).length;
  const isBroken =
    bitmapsState === 'stale' ||
    bitmapsState === 'unreadable' ||
    bitmaps.some(({ verdict }) => verdict === 'broken' || verdict === 'foreign') ||
    bitmapFaults > inUse;
  if (isBroken) return CheckExit.bitmapsBroken;
  if (inUse > 0) return CheckExit.bitmapsInUse;
  return check.leaks > 0 ? CheckExit.leaks : CheckExit.sound;
}

/** What people read of a check. */
export function checkLines(check: ImageCheck): readonly string[] {
  const { corruptions, leaks, checkErrors, bitmapFaults, findingsLeftOut, isIncomplete } = check;
  const found = [
    ...(corruptions > 0 ? [count(corruptions, 'corruption')] : []),
    ...(leaks > 0 ? [count(leaks, 'leaked cluster')] : []),
    ...(checkErrors > 0 ? [count(checkErrors, 'read error')] : []),
    ...(bitmapFaults > 0 ? [count(bitmapFaults, 'finding') + ' about bitmaps'] : []),
  ];
  return [
    ...check.findings.map(findingLine),
    ...(findingsLeftOut > 0 ? [`... and ${findingsLeftOut} more`] : []),
    found.length === 0 ? 'no errors' : found.join(', '),
    ...(isIncomplete ? ['something could not be followed: leaks may be clusters in use'] : []),
    ...bitmapLines(check),
    `${check.allocatedClusters} of ${check.totalClusters} clusters allocated, ` +
      `${check.fragmentedClusters} fragmented, ${check.compressedClusters} compressed; ` +
      `image ends at ${formatSize(check.imageEndOffset)}`,
  ];
}

function findingLine({ severity, message, guestOffset }: Finding): string {
  const where = guestOffset === undefined ? '' : ` (byte ${guestOffset} of the disk)`;
  return `${severity}: ${message}${where}`;
}

function bitmapLines({ bitmaps }: ImageCheck): readonly string[] {
  return bitmaps.map(({ name, verdict, granularity }) => {
    const size = granularity === 0 ? '' : ` (granularity ${formatSize(granularity)})`;
    return `bitmap '${name}'${size}: ${verdict}`;
  });
}
