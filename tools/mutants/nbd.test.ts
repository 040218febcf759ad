import { mutantSuite } from './mutant-suite.ts';
import {
  CLIENT_MUTANTS,
  MEMORY_MUTANTS,
  READ_MUTANTS,
  RECONNECT_MUTANTS,
  SERVER_MUTANTS,
} from './nbd-mutants.ts';

mutantSuite('an NBD client that connects again', RECONNECT_MUTANTS, {
  project: 'nbd',
  filters: ['client-reconnect'],
  usually: 1,
});

mutantSuite('TLS and extended headers', SERVER_MUTANTS, {
  project: 'nbd',
  filters: ['server-tls', 'server-extended', 'server-blocks', 'server-handed-socket'],
  usually: 1,
});

mutantSuite('clients that wait, and servers that are silent', CLIENT_MUTANTS, {
  project: 'nbd',
  filters: ['server-waiting', 'server-discards', 'client-flow'],
  usually: 0,
});

mutantSuite('memory of a server', MEMORY_MUTANTS, {
  project: 'nbd',
  filters: ['server-memory', 'server-connections', 'server-requests'],
  usually: 0,
});

mutantSuite('what makes reads quick', READ_MUTANTS, {
  project: 'nbd',
  filters: ['server-reads', 'server-parts'],
  usually: 0,
});
