import type { DirtyBitmap } from '../dirty-bitmap.ts';

/** By dirty runs of the finer one; the rest of a granule that a run ends in is not looked at. */
export function mergeFiner(target: DirtyBitmap, source: DirtyBitmap): void {
  const { granularity, diskSize } = target;
  for (let at = source.nextDirty(0); at >= 0;) {
    const clean = source.nextClean(at);
    const end = clean < 0 ? diskSize : clean;
    target.set(at, end - at);
    const next = Math.ceil(end / granularity) * granularity;
    at = next < diskSize ? source.nextDirty(next) : -1;
  }
}
