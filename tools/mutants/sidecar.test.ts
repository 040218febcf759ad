import { mutantSuite } from './mutant-suite.ts';
import { LEASE_MUTANTS, SIDECAR_MUTANTS } from './sidecar-mutants.ts';

mutantSuite('leases', LEASE_MUTANTS, { project: 'tracking', filters: ['lease'] });
mutantSuite('sidecars', SIDECAR_MUTANTS, {
  project: 'store-sidecar',
  filters: [
    'binding',
    'compare-facts',
    'recovery',
    'lease',
    'rest',
    'trip-wire',
    'fingerprint',
    'across-boots',
  ],
  usually: 10,
});
