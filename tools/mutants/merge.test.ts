import { AT_REST_MUTANTS, MERGE_MUTANTS } from './merge-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('merged bitmaps', MERGE_MUTANTS, {
  project: 'qcow2',
  filters: ['merge'],
  usually: 1,
});
mutantSuite('bitmaps at rest', AT_REST_MUTANTS, {
  project: 'store-memory',
  filters: ['contract'],
  usually: 1,
});
