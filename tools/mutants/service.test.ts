import { mutantSuite } from './mutant-suite.ts';
import { SERVICE_MUTANTS } from './service-mutants.ts';

mutantSuite('a configured service', SERVICE_MUTANTS, {
  project: 'daemon',
  filters: ['configured', 'mistakes', 'drive-watch', 'logger'],
  usually: 1,
});
