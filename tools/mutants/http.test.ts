import { HTTP_MUTANTS } from './http-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('who may do what over HTTP', HTTP_MUTANTS, {
  project: 'http',
  filters: ['access', 'events', 'static-files', 'routes', 'wrong-requests'],
  usually: 1,
});
