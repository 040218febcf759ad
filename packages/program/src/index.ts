export { EXIT_CANCELLED, EXIT_CODES, EXIT_USAGE, exitCodeOf } from './exit-codes.ts';
export { packageVersion } from './package-version.ts';
export { printable } from './printable.ts';
export { runOnRecentNode } from './recent-node.ts';
export { reportError } from './report-error.ts';
export { formatSize, parseSize } from './sizes.ts';
