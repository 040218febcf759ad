import type { Granules } from '@tidemark/backup/parts';
import { toHex } from '../format/digest.ts';
import { triesPrefix } from '../format/object-keys.ts';
import type { Repository } from '../repository.ts';
import type { EarlierTry, Task } from './drive-to-back-up.ts';
import { KnownGranules } from './known-granules.ts';
import { TryWriter } from './try-writer.ts';

const STEP = 128 * 1024 * 1024;

export interface Tries {
  readonly earlier?: KnownGranules;
  readonly tries?: TryWriter;
}

/**
 * What a backup goes on with, and what it leaves for another one. An earlier try tells the digest of a
 * granule as it was at that try's checkpoint, at which a bitmap began that has missed no write since: so
 * what that bitmap calls clean has this digest still. Of several the one that has read the most.
 */
export async function openTries(repository: Repository, task: Task): Promise<Tries> {
  const { resumable, next, source, plan, readsAll } = task;
  if (resumable === undefined || next === null) return {};
  const drive: Granules = { size: source.size, granularity: plan.granularity };
  const found = readsAll ? undefined : await findLongest(repository, task, resumable.earlier);
  const tries = new TryWriter({
    repository,
    drive,
    prefix: prefixOf(repository, task, next.checkpoint),
    step: resumable.step ?? STEP,
    begin: async () => {
      // What was read may have been in a cache only, and a power cut would take it away.
      await source.flush();
      await resumable.begin(next.checkpoint, found?.checkpoint);
    },
  });
  if (found === undefined) return { tries };
  const { changed, keys } = found;
  return { tries, earlier: new KnownGranules({ repository, drive, keys, changed }) };
}

async function findLongest(
  repository: Repository,
  task: Task,
  earlier: readonly EarlierTry[],
): Promise<(EarlierTry & { readonly keys: readonly string[] }) | undefined> {
  let longest = 0;
  let found: (EarlierTry & { readonly keys: readonly string[] }) | undefined;
  for (const each of earlier) {
    if (each.changed.diskSize !== task.source.size) continue;
    const keys: string[] = [];
    let bytes = 0;
    const prefix = prefixOf(repository, task, each.checkpoint);
    for await (const { key, size } of repository.store.list(prefix)) {
      keys.push(key);
      bytes += size;
    }
    if (bytes <= longest) continue;
    longest = bytes;
    found = { ...each, keys: keys.toSorted() };
  }
  return found;
}

function prefixOf({ sealer }: Repository, { drive }: Task, checkpoint: string): string {
  const id = toHex(sealer.digest(new TextEncoder().encode(drive.id)));
  return triesPrefix(checkpoint, id.slice(0, 32));
}

/** Behind the restore point: nobody goes on with them. What cannot be removed here a prune removes. */
export async function forgetTries(repository: Repository, task: Task): Promise<void> {
  const { resumable, next } = task;
  if (resumable === undefined || next === null) return;
  const checkpoints = [next.checkpoint, ...resumable.earlier.map((each) => each.checkpoint)];
  try {
    for (const checkpoint of checkpoints) {
      const prefix = prefixOf(repository, task, checkpoint);
      for await (const { key } of repository.store.list(prefix)) await repository.store.delete(key);
    }
  } catch {
    // The point is there, and its bitmap has begun: nothing is wrong.
  }
}
