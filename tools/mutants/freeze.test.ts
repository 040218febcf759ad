import { FREEZE_MUTANTS } from './freeze-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('freezes', FREEZE_MUTANTS, { project: 'tracking', filters: ['freeze'], usually: 2 });
