import type { InstantAction } from './bitmap-action.ts';
import type { DriveDraft } from './drive-draft.ts';
import { newFreeze } from './frozen-bits.ts';
import type { BitStep } from './plan-action.ts';

/** As a step of a transaction: it sees what the steps before have made of the bitmap. */
export function planFreeze(
  draft: DriveDraft,
  { name, use, begun }: Extract<InstantAction, { op: 'freeze' }>,
): BitStep {
  const { enabled } = draft.usable(name, use);
  draft.willRead(name);
  draft.willFreeze(name);
  return () => {
    const freeze = newFreeze(draft.content(name));
    draft.beginFreeze(name, freeze, { records: enabled });
    begun(freeze);
  };
}
