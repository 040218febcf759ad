import { type BitmapChange, DirtyBitmap } from '@tidemark/core';
import type { Model } from './model.ts';
import type { Operation, Plan, Situation } from './operations.ts';

const MAX_BITMAPS = 5;
const GRANULARITIES = [512, 4096, 65_536, 2 ** 21, 2 ** 31];

const bitmap = (...args: readonly string[]) => ['qemu-img', 'bitmap', '-f', 'qcow2', ...args];

function anyName({ model, random }: Situation): string | undefined {
  return model.bitmaps.size === 0 ? undefined : random.of([...model.bitmaps.keys()]);
}

function add({ model, random }: Situation): Plan | undefined {
  if (model.bitmaps.size >= MAX_BITMAPS) return undefined;
  const name = `b${random.below(1e6)}`;
  const granularity = random.of(GRANULARITIES);
  const enabled = !random.chance(4);
  const content = new DirtyBitmap(model.size, granularity);
  const flags = ['--add', '-g', String(granularity), ...(enabled ? [] : ['--disable'])];
  return {
    text: `add ${name} of ${granularity}${enabled ? '' : ', disabled'}`,
    ours: [{ op: 'commit', changes: [{ op: 'create', name, enabled, content }] }],
    qemu: [bitmap(...flags, 'IMAGE', name)],
    apply: (to) => to.add(name, granularity, enabled),
  };
}

/** Of one bitmap, in the words of both. */
function change(
  flag: string,
  ours: (name: string) => BitmapChange,
  apply: (model: Model, name: string) => void,
): Operation['plan'] {
  return (situation) => {
    const name = anyName(situation);
    if (name === undefined) return undefined;
    return {
      text: `${flag} ${name}`,
      ours: [{ op: 'commit', changes: [ours(name)] }],
      qemu: [bitmap(flag, 'IMAGE', name)],
      apply: (model) => apply(model, name),
    };
  };
}

function merge(situation: Situation): Plan | undefined {
  const [name, ...others] = [anyName(situation), anyName(situation), anyName(situation)];
  if (name === undefined) return undefined;
  const sources = [...new Set(others.filter((other) => other !== undefined))];
  const flags = sources.flatMap((source) => ['--merge', source]);
  return {
    text: `merge ${sources.join(' ')} into ${name}`,
    ours: [{ op: 'commit', changes: [{ op: 'merge', name, sources }] }],
    qemu: [bitmap(...flags, 'IMAGE', name)],
    apply: ({ bitmaps }) => {
      const target = bitmaps.get(name)!.content;
      for (const source of sources) target.merge(bitmaps.get(source)!.content.clone());
    },
  };
}

/** Several changes at once: a new bitmap takes over from an old one. */
function rotate(situation: Situation): Plan | undefined {
  const { model, random } = situation;
  const old = anyName(situation);
  const into = anyName(situation);
  if (old === undefined || into === undefined || old === into) return undefined;
  const { granularity } = model.bitmaps.get(old)!.content;
  const name = `b${random.below(1e6)}`;
  const content = new DirtyBitmap(model.size, granularity);
  return {
    text: `rotate ${old}: merge into ${into}, remove, add ${name}`,
    ours: [
      {
        op: 'commit',
        changes: [
          { op: 'merge', name: into, sources: [old] },
          { op: 'remove', name: old },
          { op: 'create', name, enabled: true, content },
        ],
      },
    ],
    qemu: [
      bitmap('--merge', old, 'IMAGE', into),
      bitmap('--remove', 'IMAGE', old),
      bitmap('--add', '-g', String(granularity), 'IMAGE', name),
    ],
    apply: (to) => {
      to.bitmaps.get(into)!.content.merge(to.bitmaps.get(old)!.content);
      to.bitmaps.delete(old);
      to.add(name, granularity, true);
    },
  };
}

const switched =
  (enabled: boolean) =>
  (model: Model, name: string): void => {
    model.bitmaps.get(name)!.enabled = enabled;
  };

export const BITMAP_OPERATIONS: readonly Operation[] = [
  { name: 'add', weight: 4, plan: add },
  {
    name: 'clear',
    weight: 1,
    plan: change(
      '--clear',
      (name) => ({ op: 'clear', name }),
      (model, name) => model.bitmaps.get(name)!.content.clear(),
    ),
  },
  {
    name: 'enable',
    weight: 1,
    plan: change('--enable', (name) => ({ op: 'switch', name, enabled: true }), switched(true)),
  },
  {
    name: 'disable',
    weight: 1,
    plan: change('--disable', (name) => ({ op: 'switch', name, enabled: false }), switched(false)),
  },
  {
    name: 'remove',
    weight: 1,
    plan: change(
      '--remove',
      (name) => ({ op: 'remove', name }),
      (model, name) => model.bitmaps.delete(name),
    ),
  },
  { name: 'merge', weight: 3, plan: merge },
  { name: 'rotate', weight: 1, plan: rotate },
];
