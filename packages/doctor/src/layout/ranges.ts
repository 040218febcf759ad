/** Bytes of the image file. */
export interface HostRange {
  readonly offset: number;
  readonly length: number;
}

/** Whether a table may lie there: in the file, at the start of a cluster. */
export function isPlace(offset: bigint, clusterSize: number, fileSize: number): boolean {
  return offset > 0n && offset % BigInt(clusterSize) === 0n && offset < BigInt(fileSize);
}
