import { findTool } from './find-tool.ts';

/** Paths of the programs that do for us what Node cannot; each may be missing. */
export interface Tools {
  readonly perl?: string | undefined;
  /** Of util-linux. */
  readonly fallocate?: string | undefined;
  /** Of util-linux. */
  readonly flock?: string | undefined;
  /** Of util-linux. */
  readonly blkdiscard?: string | undefined;
  /** Of coreutils. */
  readonly dd?: string | undefined;
}

export function findTools(): Tools {
  // Holes and OFD locks are asked of Linux by its own numbers.
  if (process.platform !== 'linux') return {};
  return {
    perl: findTool('perl'),
    flock: findTool('flock'),
    fallocate: findTool('fallocate'),
    blkdiscard: findTool('blkdiscard'),
    dd: findTool('dd'),
  };
}
