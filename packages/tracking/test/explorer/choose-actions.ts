import type { BitmapAction } from '../../src/index.ts';
import type { Operation } from './census.ts';
import type { Claims, ExplorerAction } from './claims.ts';
import type { Random } from './random.ts';
import { GRANULE } from './setting.ts';

export const NAMES = ['a', 'b', 'c'];

/** Changes of bitmaps that are not refused. `busy`: a bitmap that is to be left alone. */
export function chooseActions(
  claims: Claims,
  random: Random,
  busy: string | undefined,
): readonly BitmapAction[] {
  const actions = chooseAny(claims, random);
  return actions.some((action) => namesIn(action).includes(busy)) ? [] : actions;
}

function namesIn(action: BitmapAction): readonly unknown[] {
  if (action.op === 'merge') return [action.target, ...action.sources];
  return action.op === 'abort' ? [] : [action.name];
}

function chooseAny(claims: Claims, random: Random): readonly BitmapAction[] {
  // Most record, and few can be switched on.
  const idle = [...claims].find(([, { enabled }]) => !enabled)?.[0];
  const name = idle !== undefined && random.chance(40) ? idle : random.pick(NAMES);
  const claim = claims.get(name);
  const add = { op: 'add', persistent: true, granularity: GRANULE } as const;
  if (claim === undefined) return [{ ...add, name, disabled: random.chance(20) }];
  const other = random.pick([...claims.keys()]);
  const free = NAMES.find((candidate) => !claims.has(candidate));
  const choices: BitmapAction[][] = [
    [{ op: 'clear', name }],
    [{ op: claim.enabled ? 'disable' : 'enable', name }],
    [{ op: claim.enabled ? 'disable' : 'enable', name }],
    [{ op: claim.enabled ? 'disable' : 'enable', name }],
    [{ op: 'merge', target: name, sources: [other] }],
    [{ op: 'clear', name }, ...(other === name ? [] : [{ op: 'clear', name: other } as const])],
    [{ op: 'remove', name }],
    [{ op: 'remove', name }],
  ];
  if (free !== undefined) {
    choices.push([
      { ...add, name: free, disabled: true },
      { op: 'merge', target: free, sources: [name] },
      { op: 'clear', name },
    ]);
  }
  return random.pick(choices);
}

/** What counts as under way while these are made. */
export function operationsOf(actions: readonly ExplorerAction[]): Operation[] {
  return actions.flatMap(({ op }) => (op === 'abort' ? [] : op));
}
