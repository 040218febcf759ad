import type { BitmapStore } from '@tidemark/core';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import { type Intent, type IntentMember, isOf, type StorePlace } from './intent.ts';
import { rollForward } from './roll-forward.ts';

export interface FinishOptions extends StorePlace {
  readonly folder: CheckpointFolder;
  readonly onNotice: (message: string) => void;
}

/**
 * Finishes what a store has a part in of changes that were cut off. The last store of a change to be
 * seen to takes its intent file away.
 * @throws as `BitmapStore.commit`, I/O codes of the folder
 */
export async function finishCheckpoints(store: BitmapStore, options: FinishOptions): Promise<void> {
  const { folder } = options;
  for (const { set } of (await folder.find()).intents) {
    // Read again: another program may be at work on another store of it.
    const intent = await folder.get(set);
    if (intent === undefined || !intent.members.some((member) => isTurnOf(member, options))) {
      continue;
    }
    await folder.sync();
    const marked = new Set<string>();
    for (const member of intent.members) {
      if (!isTurnOf(member, options)) continue;
      for (const name of await rollForward(store, set, member)) marked.add(name);
    }
    await noteDone(options, set);
    options.onNotice(describe(intent, store.label, [...marked]));
  }
}

/** Only after its part is durable. */
async function noteDone(options: FinishOptions, set: string): Promise<void> {
  const { folder } = options;
  const intent = await folder.get(set);
  if (intent === undefined) return;
  const members = intent.members.map((member) =>
    isOf(member, options) ? { ...member, done: true } : member,
  );
  if (members.every(({ done }) => done)) await folder.remove(set);
  else await folder.put({ ...intent, members });
}

function isTurnOf(member: IntentMember, place: StorePlace): boolean {
  return !member.done && isOf(member, place);
}

function describe({ set, members }: Intent, label: string, marked: readonly string[]): string {
  const names = marked.map((name) => `'${name}'`).join(', ');
  const what = marked.length === 0 ? 'had its part' : `calls everything changed now in ${names}`;
  return `checkpoint ${set} over ${members.length} drives was cut off: ${label} ${what}`;
}
