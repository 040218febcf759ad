import { mutantSuite } from './mutant-suite.ts';
import { REPOSITORY_MUTANTS } from './repository-mutants.ts';

mutantSuite('repository', REPOSITORY_MUTANTS, {
  project: 'repository',
  filters: [
    'back-up',
    'upkeep',
    'order',
    'format',
    'chunks',
    'resume',
    'copy',
    'trusted',
    'hashing',
    'prune-beside',
  ],
  usually: 1,
});
