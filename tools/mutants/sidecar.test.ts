import { mutantSuite } from './mutant-suite.ts';
import { CUT_MUTANTS, GAP_MUTANTS, LEASE_MUTANTS, SIDECAR_MUTANTS } from './sidecar-mutants.ts';

mutantSuite('leases', LEASE_MUTANTS, { project: 'tracking', filters: ['lease'] });
mutantSuite('files that are cut short', CUT_MUTANTS, {
  project: 'drive',
  filters: ['cut-short'],
  usually: 1,
});
mutantSuite('the ends of files', GAP_MUTANTS, {
  project: 'block',
  filters: ['file-device'],
  usually: 1,
});
mutantSuite('sidecars', SIDECAR_MUTANTS, {
  project: 'store-sidecar',
  filters: [
    'binding',
    'compare-facts',
    'recovery',
    'lease',
    'replaced',
    'rest',
    'trip-wire',
    'fingerprint',
    'across-boots',
  ],
  usually: 10,
});
