import { mutantSuite } from './mutant-suite.ts';
import { RECONNECT_MUTANTS, SERVER_MUTANTS } from './nbd-mutants.ts';

mutantSuite('an NBD client that connects again', RECONNECT_MUTANTS, {
  project: 'nbd',
  filters: ['client-reconnect'],
  usually: 1,
});

mutantSuite('TLS and extended headers', SERVER_MUTANTS, {
  project: 'nbd',
  filters: ['server-tls', 'server-extended'],
  usually: 1,
});
