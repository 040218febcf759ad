import { PARENT_MUTANTS, TAKEOVER_MUTANTS, TOKEN_MUTANTS } from './checkpoint-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('checkpoints in images', TOKEN_MUTANTS, {
  project: 'store-qcow2',
  filters: ['test/tokens', 'test/image-control'],
  usually: 3,
});

mutantSuite('takeovers by QEMU', TAKEOVER_MUTANTS, {
  project: 'qcow2',
  filters: ['test/takeover.test'],
});

mutantSuite('parents of increments', PARENT_MUTANTS, {
  project: 'backup',
  filters: ['test/plan', 'test/follow-chain'],
});
