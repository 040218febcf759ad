export { EXIT_CANCELLED, EXIT_CODES, EXIT_USAGE, exitCodeOf } from './exit-codes.ts';
export { KeyValues } from './key-values.ts';
export { packageVersion } from './package-version.ts';
export { printable } from './printable.ts';
export { runOnRecentNode } from './recent-node.ts';
export { reportError } from './report-error.ts';
export { type ProgramObjects, parseObjects } from './objects/parse-objects.ts';
export { type ServerTls, serverTls } from './objects/server-tls.ts';
export { formatSize, parseSize } from './sizes.ts';
