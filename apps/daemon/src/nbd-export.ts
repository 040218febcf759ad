import type { NbdExport } from '@tidemark/nbd';
import type { ServedDrive } from './compose.ts';

/** A drive under its id, with those of its bitmaps that can be read, as they come and go. */
export function nbdExport({ id, drive, tracked }: ServedDrive): NbdExport {
  return {
    name: id,
    device: tracked.device,
    // What the server behind a drive refuses is not to be taken from clients.
    blockSize: { minimum: drive?.smallestBlock ?? 1 },
    allocationDepth: true,
    bitmaps: () => tracked.readers(),
  };
}
