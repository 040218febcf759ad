export interface RunLimits {
  /** Entries at most. */
  readonly most: number;
  readonly clusterSize: number;
}

/** Entries, with the one at `place`, each of which leads to the cluster behind that of the last. */
export function runLength(view: DataView, place: number, { most, clusterSize }: RunLimits): number {
  const high = view.getInt32(place);
  let low = view.getInt32(place + 4);
  let count = 1;
  for (let at = place + 8; count < most; at += 8) {
    low = (low + clusterSize) | 0;
    // Where the low half begins anew the high one differs, and so does the run.
    if (low === 0 || view.getInt32(at + 4) !== low || view.getInt32(at) !== high) break;
    count += 1;
  }
  return count;
}
