import type { BitmapAction, TrackedDrive } from '../../src/index.ts';
import type { ExplorerAction, Picture } from '../explorer/claims.ts';
import { pointOfPicture } from '../explorer/point-of-picture.ts';
import { GRANULE, GRANULES } from '../explorer/setting.ts';

/** One thing that is done to a drive, and awaited. */
export interface Step {
  /** What it changes of bitmaps. */
  readonly actions?: readonly ExplorerAction[];
  /** What it writes: granules from the first on. */
  readonly writes?: { readonly first: number; readonly count: number };
  readonly act: (drive: TrackedDrive) => Promise<unknown>;
}

const POINT: Picture = new Map([[1, 7]]);

function write(first: number, count: number, stamp: number): Step {
  const bytes = new Uint8Array(count * GRANULE);
  for (let at = 0; at < bytes.length; at += GRANULE)
    new DataView(bytes.buffer).setUint32(at, stamp);
  return {
    writes: { first, count },
    act: ({ device }) => device.write(bytes, first * GRANULE),
  };
}

function zero(first: number, count: number): Step {
  return {
    writes: { first, count },
    act: ({ device }) => device.writeZeroes(first * GRANULE, count * GRANULE),
  };
}

function change(...actions: readonly BitmapAction[]): Step {
  return { actions, act: (drive) => drive.transaction(actions) };
}

function add(name: string, disabled = false) {
  return { op: 'add', name, persistent: true, granularity: GRANULE, disabled } as const;
}

const flush: Step = { act: ({ device }) => device.flush() };
const narrow: Step = { act: (drive) => drive.narrow() };
const rescan: Step = {
  actions: [{ op: 'rescan', name: 'b', point: POINT }],
  act: (drive) => drive.rescan({ name: 'b', source: pointOfPicture(POINT), granularity: GRANULE }),
};

const GROWN = GRANULES + 640;
const grow: Step = {
  actions: [{ op: 'resize', from: GRANULES, to: GROWN }],
  act: ({ device }) => device.resize(GROWN * GRANULE),
};

/** Each operation on bitmaps, with writes before, between and after. */
export const SCRIPT: readonly Step[] = [
  write(0, 3, 1),
  change(add('a')),
  write(1, 2, 7),
  write(4097, 2, 3),
  flush,
  change(add('b', true)),
  change({ op: 'enable', name: 'b' }),
  write(20, 1, 4),
  change({ op: 'merge', target: 'b', sources: ['a'] }),
  narrow,
  write(21, 2, 5),
  zero(1, 1),
  change({ op: 'clear', name: 'a' }),
  write(12_200, 2, 6),
  write(2, 1, 7),
  change(add('c', true), { op: 'merge', target: 'c', sources: ['b'] }, { op: 'clear', name: 'b' }),
  write(22, 1, 8),
  narrow,
  change({ op: 'disable', name: 'b' }),
  write(1, 1, 9),
  rescan,
  write(1, 1, 10),
  change({ op: 'remove', name: 'c' }),
  write(40, 1, 11),
  grow,
  write(GRANULES + 3, 2, 13),
  change({ op: 'clear', name: 'a' }, { op: 'clear', name: 'b' }),
  flush,
  write(41, 1, 12),
];
