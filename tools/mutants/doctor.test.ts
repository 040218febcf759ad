import { REPAIR_MUTANTS, RUN_MUTANTS } from './doctor-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('repairs', REPAIR_MUTANTS, {
  project: 'doctor',
  filters: ['test/damages', 'test/undo', 'test/incomplete'],
  usually: 1,
});

mutantSuite('clusters in a row', RUN_MUTANTS, {
  project: 'doctor',
  filters: ['test/cluster-counter', 'test/check-image'],
  usually: 0,
});
