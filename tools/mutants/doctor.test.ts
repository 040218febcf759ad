import { REPAIR_MUTANTS } from './doctor-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('repairs', REPAIR_MUTANTS, {
  project: 'doctor',
  filters: ['test/damages', 'test/undo', 'test/incomplete'],
  usually: 3,
});
