import { FAULT_MUTANTS } from './fault-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('failing syncs', FAULT_MUTANTS, {
  project: 'tracking',
  filters: ['faults.syncs'],
  usually: 1,
});
