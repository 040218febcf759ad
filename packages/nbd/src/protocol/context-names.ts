/** The context of what is allocated and what reads as zeros (proto.md, "base:allocation"). */
export const BASE_ALLOCATION = 'base:allocation';

export const AllocationFlag = { HOLE: 1, ZERO: 2 } as const;

/** Which layer of a backing chain has the content: 1 for the top, 0 for none (QEMU's nbd.txt). */
export const ALLOCATION_DEPTH = 'qemu:allocation-depth';

/** A bitmap's context is this and its name. */
export const DIRTY_BITMAP_PREFIX = 'qemu:dirty-bitmap:';

export const DirtyFlag = { DIRTY: 1 } as const;
