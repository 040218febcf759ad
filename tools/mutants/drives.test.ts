import { CHECKPOINT_MUTANTS, GUESSED_MUTANTS, SEVERAL_DRIVES_MUTANTS } from './drives-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('checkpoints over several stores', CHECKPOINT_MUTANTS, {
  project: 'checkpoint',
  filters: [],
  usually: 2,
});

mutantSuite('transactions on several drives', SEVERAL_DRIVES_MUTANTS, {
  project: 'tracking',
  filters: ['several-drives'],
  usually: 1,
});

mutantSuite('raw drives whose format was guessed', GUESSED_MUTANTS, {
  project: 'drive',
  filters: ['probed-raw-device'],
  usually: 0,
});
