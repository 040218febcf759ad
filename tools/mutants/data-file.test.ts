import { DATA_FILE_MUTANTS, LOAN_MUTANTS } from './data-file-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('sidecars that QEMU runs on', LOAN_MUTANTS, {
  project: 'store-sidecar',
  filters: ['data-file.test'],
  usually: 1,
});
mutantSuite('images whose data is a raw file', DATA_FILE_MUTANTS, {
  project: 'qcow2',
  filters: ['data-file.test', 'test/replace.test'],
  usually: 1,
});
