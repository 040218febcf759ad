import type { Mutant } from './mutant.ts';

/** Each breaks a rule that shows only where a sync fails. */
export const FAULT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a lease that a failed commit may have written is not waited for',
    file: 'packages/store-sidecar/src/binding/recording-session.ts',
    named: 'the sidecar of a raw drive',
    find: 'this.lease.offer(Number(end / NS_PER_MS));',
    replace: '',
  },
  {
    name: 'what a failed commit may have made is taken for what it was',
    file: 'packages/tracking/src/live/disk-knowledge.ts',
    find: 'if (!isUnchanged(error) || isUndo) this.#isUncertain = true;',
    replace: '',
  },
];
