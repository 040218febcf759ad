import type { DriveBitmap } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import type { Durability } from './durability.ts';
import type { MadeBitmap } from './restructuring.ts';
import type { SelectionPlan } from './selection.ts';

/** All that opening a drive changes on its disks; takes it back where it fails half-way. */
export async function engage(state: DriveState, plan: SelectionPlan): Promise<void> {
  const before = state.bitmaps;
  try {
    for (const keeper of state.keepers) await acquire(state, plan, keeper);
    for (const keeper of state.keepers) await create(state, plan, keeper);
  } catch (error) {
    // Where this fails too, the flags stay: inconsistent to the next one, never stale.
    for (const keeper of state.keepers) await takeBack(state, before, keeper).catch(() => {});
    throw error;
  }
}

/** Comes before `create`, because it also shows whether the bits can be read at all. */
async function acquire(state: DriveState, plan: SelectionPlan, keeper: Durability): Promise<void> {
  const acquired = plan.acquired.filter((bitmap) => bitmap.keeper === keeper);
  const contents = await keeper.acquire(acquired.map(({ name }) => name));
  const changed: MadeBitmap[] = [];
  for (const bitmap of acquired) {
    const content = contents.get(bitmap.name)!;
    const isChange = state.find(bitmap.name).enabled !== bitmap.enabled;
    const taken = { ...bitmap, acquired: keeper.holds(bitmap, true), content };
    state.replace(taken);
    if (isChange) changed.push({ bitmap: taken, content });
  }
  await keeper.restructure({ changed });
}

async function create(state: DriveState, plan: SelectionPlan, keeper: Durability): Promise<void> {
  const created = plan.created.filter(({ bitmap }) => bitmap.keeper === keeper);
  await keeper.restructure({ created });
  for (const { bitmap, content } of created) {
    state.replace({ ...bitmap, content });
  }
}

async function takeBack(
  state: DriveState,
  before: DriveState['bitmaps'],
  keeper: Durability,
): Promise<void> {
  const mine = [...state.bitmaps.values()].filter((bitmap) => bitmap.keeper === keeper);
  const removed = mine.filter(({ name }) => !before.has(name)).map(({ name }) => name);
  const restored: DriveBitmap[] = [];
  const changed: MadeBitmap[] = [];
  for (const { name, enabled, content } of mine) {
    const stored = before.get(name);
    if (stored === undefined || content === undefined) continue;
    const bitmap = { ...stored, acquired: keeper.holds(stored, true), content };
    restored.push(bitmap);
    if (enabled !== stored.enabled) changed.push({ bitmap, content });
  }
  await keeper.restructure({ removed, changed, isUndo: true });
  await keeper.release(restored.filter(({ acquired }) => acquired));
}
