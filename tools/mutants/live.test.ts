import { LIVE_MUTANTS } from './live-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('live bitmaps', LIVE_MUTANTS, {
  project: 'tracking',
  filters: ['live'],
  exploredStates: 2000,
  usually: 24,
});
