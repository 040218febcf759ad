import type { NbdExport } from '@tidemark/nbd';
import type { ServedDrive } from './compose.ts';

/** A drive under its id, with those of its bitmaps that can be read, as they come and go. */
export function nbdExport({ id, tracked }: ServedDrive): NbdExport {
  const { device } = tracked;
  return { name: id, device, allocationDepth: true, bitmaps: () => tracked.readers() };
}
