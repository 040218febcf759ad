import type { DirectoryEntry, DirtyBitmap } from '@tidemark/core';
import type { Control, DirectorySeal } from '../../src/index.ts';
import type { OpenedBitmaps } from './bitmaps.ts';

const ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** A control extension of an idle sidecar; `changes` say what is different. */
export function controlOf(directory: DirectorySeal, changes: Partial<Control> = {}): Control {
  return {
    kind: 'sidecar',
    state: 'idle',
    storeId: ID,
    sessionId: ID.map((byte) => byte + 16),
    leaseUntil: 0n,
    isBound: true,
    drive: {
      kind: 'file',
      size: 1_048_576,
      modified: 1_700_000_000_123_456_789n,
      changed: 1_700_000_001_123_456_789n,
      born: 1_600_000_000_000_000_001n,
      inode: 4711n,
      device: 64_512n,
    },
    directory,
    liveEntries: [],
    tokens: [],
    ...changes,
  };
}

interface PutOptions {
  readonly inUse?: boolean;
  /** Of bitmaps by their names; of all others as they were. */
  readonly checkpoints?: readonly { readonly name: string; readonly checkpoint: string }[];
  readonly control?: Partial<Control>;
}

/** Adds a bitmap, or writes one anew, with a control extension beside it. */
export async function putWithControl(
  { directory }: OpenedBitmaps,
  name: string,
  content: DirtyBitmap,
  { inUse = false, checkpoints = [], control = {} }: PutOptions = {},
): Promise<void> {
  const others = directory.records.filter((record) => record.name !== name);
  const entry = { name, granularity: content.granularity, enabled: true, inUse };
  const given = new Map(checkpoints.map((each) => [each.name, each.checkpoint]));
  const entries = [...others, entry].map((each: DirectoryEntry) => {
    const checkpoint = given.get(each.name) ?? each.checkpoint;
    return { ...each, ...(checkpoint !== undefined && { checkpoint }) };
  });
  await directory.replace(entries, new Map([[name, content]]), {
    control: ({ seal, tokens }) => controlOf(seal, { tokens, ...control }),
  });
}
