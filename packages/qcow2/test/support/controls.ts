import type { DirtyBitmap } from '@tidemark/core';
import type { Control, DirectorySeal } from '../../src/index.ts';
import type { OpenedBitmaps } from './bitmaps.ts';

const ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** A control extension of an idle sidecar; `changes` say what is different. */
export function controlOf(directory: DirectorySeal, changes: Partial<Control> = {}): Control {
  return {
    state: 'idle',
    storeId: ID,
    sessionId: ID.map((byte) => byte + 16),
    leaseUntil: 0n,
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
    ...changes,
  };
}

interface PutOptions {
  readonly inUse?: boolean;
  readonly control?: Partial<Control>;
}

/** Adds a bitmap, or writes one anew, with a control extension beside it. */
export async function putWithControl(
  { directory }: OpenedBitmaps,
  name: string,
  content: DirtyBitmap,
  { inUse = false, control = {} }: PutOptions = {},
): Promise<void> {
  const others = directory.records.filter((record) => record.name !== name);
  const entry = { name, granularity: content.granularity, enabled: true, inUse };
  await directory.replace([...others, entry], new Map([[name, content]]), {
    control: ({ seal }) => controlOf(seal, control),
  });
}
