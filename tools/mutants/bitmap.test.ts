import { BITMAP_MUTANTS } from './bitmap-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('bits in memory', BITMAP_MUTANTS, {
  project: 'core',
  filters: ['dirty-bitmap', 'kernels.model', 'clones.model', 'unread.model'],
  usually: 1,
});
