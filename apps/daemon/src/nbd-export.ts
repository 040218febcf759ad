import type { NbdExport } from '@tidemark/nbd';
import type { ServedDrive } from './compose.ts';

/** A drive under its id, with those of its bitmaps that can be read, as they come and go. */
export function nbdExport({ id, tracked }: ServedDrive): NbdExport {
  return { name: id, device: tracked.device, bitmaps: () => tracked.readers() };
}
