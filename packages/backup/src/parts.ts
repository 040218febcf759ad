// What other layouts of backups are made of too.
export { throwIfCancelled } from './cancel.ts';
export { errnoOf } from './files/file-system.ts';
export {
  checkGranularity,
  DEFAULT_GRANULARITY,
  granuleBytes,
  granuleCount,
  type Granules,
  isGranularity,
  MAX_GRANULARITY,
  MIN_GRANULARITY,
  roundDown,
  roundUp,
} from './format/granules.ts';
export { decodeDriveAndBitmap } from './format/drive-and-bitmap.ts';
export { JsonFields } from './format/json-fields.ts';
export { type ByteRange, type CopyRange, dirtyRanges, knownRuns } from './make/copy-ranges.ts';
export {
  type ChainBitmap,
  chainBitmapName,
  findInChain,
  type FoundChain,
  followKnownChain,
  type KnownChainOptions,
} from './make/follow-chain.ts';
export { checkIdentity } from './make/identity.ts';
export { type Piece, readAhead } from './make/read-ahead.ts';
export { runInFlight } from './use/in-flight.ts';
export { writeZeros } from './use/write-zeros.ts';
