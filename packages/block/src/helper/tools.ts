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

/** Each is looked for when it is asked for: most are not needed where there is perl. */
const FOUND: Tools = {
  get perl() {
    return findTool('perl');
  },
  get flock() {
    return findTool('flock');
  },
  get fallocate() {
    return findTool('fallocate');
  },
  get blkdiscard() {
    return findTool('blkdiscard');
  },
  get dd() {
    return findTool('dd');
  },
};

export function findTools(): Tools {
  // Holes and OFD locks are asked of Linux by its own numbers.
  return process.platform === 'linux' ? FOUND : {};
}
