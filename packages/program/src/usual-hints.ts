import type { ErrorCode } from '@tidemark/core';

/** What to do next where the error itself cannot know better. */
export const USUAL_HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  BACKUP_CORRUPT: 'restore an earlier point, or make a full backup; repo check finds what is whole',
  BITMAP_TOO_LARGE: 'use a coarser granularity',
  CONNECTION_LOST: 'see whether the other side still runs',
  IMAGE_CORRUPT: "look at the image with 'qemu-img check', or restore it from a backup",
  IO_FAILED: "look into the system's log: a disk may be failing",
  STORE_FAILED: 'open the drive again to see what it holds',
};
