import type { DeviceOperation, Fault } from '@tidemark/block/testing';
import type { FilePlan } from '../explorer/crash-disk.ts';

/** Something that can go wrong with a call, whichever of its kind. */
export interface PlanKind {
  readonly name: string;
  /** Which calls it can strike. */
  strikes(operation: DeviceOperation): boolean;
  /** It strikes the k-th of them, counted from 0. */
  plan(k: number): FilePlan;
}

const isChange = (operation: DeviceOperation) => operation !== 'read' && operation !== 'flush';
const isFlush = (operation: DeviceOperation) => operation === 'flush';
const plan = (...faults: Fault[]): FilePlan => ({ faults });

/** An I/O error, unless it says otherwise. */
export const SYNC_FAILS: PlanKind = {
  name: 'a sync fails',
  strikes: isFlush,
  plan: (nth) => plan({ kind: 'fail', on: 'flush', nth }),
};

export const PLAN_KINDS: readonly PlanKind[] = [
  SYNC_FAILS,
  {
    // As a file device does it: what the system has dropped stays unsynced.
    name: 'a sync drops what it should have written, and fails as all later ones',
    strikes: isFlush,
    plan: (nth) => ({
      ...plan({ kind: 'fail', on: 'flush', nth, times: 1e9 }),
      losesCache: true,
    }),
  },
  {
    name: 'a change fails',
    strikes: isChange,
    plan: (nth) => plan({ kind: 'fail', on: 'change', nth }),
  },
  {
    name: 'there is no room for a change',
    strikes: isChange,
    plan: (nth) => plan({ kind: 'fail', on: 'change', nth, code: 'NO_SPACE' }),
  },
  {
    name: 'there is no room from then on',
    strikes: isChange,
    plan: (nth) => plan({ kind: 'fail', on: 'change', nth, times: 1e9, code: 'NO_SPACE' }),
  },
  {
    // At a sector: no disk tears one.
    name: 'a write is cut short',
    strikes: (operation) => operation === 'write',
    plan: (nth) => plan({ kind: 'short', nth, bytes: 512 }),
  },
  {
    name: 'a read fails',
    strikes: (operation) => operation === 'read',
    plan: (nth) => plan({ kind: 'fail', on: 'read', nth }),
  },
  {
    name: 'all fails from then on',
    strikes: (operation) => operation !== 'read',
    plan: (after) => plan({ kind: 'drop', after, how: 'failure' }),
  },
];
