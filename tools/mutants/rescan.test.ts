import { mutantSuite } from './mutant-suite.ts';
import { RESCAN_MUTANTS } from './rescan-mutants.ts';

mutantSuite('rescan', RESCAN_MUTANTS, { project: 'tracking', filters: ['rescan'], usually: 1 });
