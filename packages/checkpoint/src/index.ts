export { announce, retract } from './announce.ts';
export { CheckpointFolder, type FoundIntents, type UnreadableIntent } from './checkpoint-folder.ts';
export {
  type CheckpointPart,
  commitTogether,
  type CommitTogetherOptions,
} from './commit-together.ts';
export type { IntentFileHandle, IntentFileSystem } from './file-system.ts';
export type { IntendedBitmap, Intent, IntentMember, StorePlace } from './intent.ts';
export { type CheckpointedOptions, openCheckpointed, placeOf } from './open-checkpointed.ts';
