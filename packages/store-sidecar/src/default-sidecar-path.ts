/** Where a raw drive's bitmaps are looked for unless something else is said. */
export function defaultSidecarPath(drivePath: string): string {
  return `${drivePath}.tidemark.qcow2`;
}
